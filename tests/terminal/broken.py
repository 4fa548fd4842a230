"""A dashboard whose snapshot source raises an error after a while."""

from __future__ import annotations

import sys

import trio

from kadisc.cli import live
from kadisc.cli.tasks import run_until_signalled
from kadisc.config import Config
from kadisc.dashboard.scene import Others
from kadisc.net.devnet import open_devnet


class BreakingSource(live.LiveSource):
    looks = 0

    def others(self) -> Others | None:
        self.looks += 1
        return Others(1, 1 // (3 - self.looks))


async def main() -> int:
    live.LiveSource = BreakingSource  # type: ignore[misc]
    async with open_devnet(2, Config(bind=("127.0.0.1:0",))) as nodes:
        screen = live.open_screen()
        assert screen is not None
        with trio.fail_after(30):
            await live.show_live(nodes, screen, is_devnet=True)
    return 0


if __name__ == "__main__":
    sys.exit(run_until_signalled(main))
