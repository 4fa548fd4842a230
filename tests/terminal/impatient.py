"""The dashboard of a devnet of ten nodes, as of ``kadisc run --devnet 10``, with short intervals:
it detects dead contacts in seconds instead of minutes.
"""

from __future__ import annotations

import sys

from kadisc.cli.live import open_screen, show_live
from kadisc.cli.tasks import run_until_signalled
from kadisc.config import Config, CoreConfig, MaintenanceConfig, QueryConfig
from kadisc.net.devnet import open_devnet

MAINTENANCE = MaintenanceConfig(
    check_interval_s=0.05, fresh_check_s=1.0, max_check_s=1.0, retry_after_failure_s=0.5
)
QUERY = QueryConfig(timeout_s=0.5)
CONFIG = Config(bind=("127.0.0.1:0",), core=CoreConfig(maintenance=MAINTENANCE, query=QUERY))


async def main() -> int:
    async with open_devnet(10, CONFIG) as nodes:
        screen = open_screen()
        assert screen is not None
        await show_live(nodes, screen, is_devnet=True)
    return 0


if __name__ == "__main__":
    sys.exit(run_until_signalled(main, when_signalled=0))
