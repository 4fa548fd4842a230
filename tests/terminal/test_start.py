"""What the start of a node imports: it takes half of the time until the first peer is found."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from .commands import PATIENCE_S, environment

NOT_FOR_A_NODE = (
    *("asyncio", "dns", "h11", "prometheus_client", "rich", "tomllib"),
    *("kadisc.conformance", "kadisc.dashboard", "kadisc.feed", "kadisc.http", "kadisc.sim"),
    *("kadisc.doctor.checks", "kadisc.doctor.facts", "kadisc.doctor.machine", "kadisc.net.devnet"),
    *("kadisc.cli.config_template", "kadisc.cli.doctor", "kadisc.cli.feed", "kadisc.cli.find"),
    *("kadisc.cli.peers", "kadisc.cli.sim_run", "kadisc.cli.watch"),
)


PROGRAM = """
import sys
from kadisc.__main__ import main
code = main()
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def is_of(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def test_a_node_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    words = ["run", "--bind", "127.0.0.1:0", "--allow-private", "--json"]
    words += ["--bootstrap", "127.0.0.1:1", "--state-dir", str(tmp_path / "node")]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        try:
            assert '"listening"' in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 0, told
    found = set(told.splitlines()[-1].split())
    assert {"kadisc.core.core", "kadisc.cli.run", "kadisc.control.server"} <= found
    assert [each for each in found for package in NOT_FOR_A_NODE if is_of(each, package)] == []
