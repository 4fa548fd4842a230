"""Debian's Prometheus and promtool on the other end: the metrics, the rules and the dashboard."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support.namespaces import UnavailableError
from ..support.scenario_results import unavailable
from ..support.scenario_runs import fetch_programs

ROOT = Path(__file__).parent.parent.parent
OPS = ROOT / "ops"
RULES = OPS / "prometheus" / "kadisc.rules.yml"
PATIENCE_S = 120.0
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def programs() -> Path:
    try:
        return Path(fetch_programs("prometheus-programs")) / "bin"
    except UnavailableError as error:
        unavailable(str(error))
        raise AssertionError from error


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("devnet")


@pytest.fixture(scope="module")
def feed(devnet: str, folder: Path) -> Iterator[str]:
    """HOST:PORT of the metrics of a feed that writes the peers of that node into a file."""
    log = folder / "feed.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kadisc", "feed", "file", "--out", str(folder / "peers")]
            + ["--state-dir", str(folder / "state"), "--advertise", "p2p"]
            + ["--metrics", "127.0.0.1:0"],
            stdout=output,
            stderr=output,
        )
    try:
        yield str(_until(lambda: re.search(r"http://([^/\s]+)/metrics", log.read_text()))[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def devnet(folder: Path) -> Iterator[str]:
    """HOST:PORT of the metrics of the first node of a devnet of 20 that has joined."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kadisc", "run", "--devnet", "20", "--no-dashboard"]
            + ["--bind", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
            + ["--state-dir", str(folder / "state")],
            stdout=log,
            stderr=log,
        )
    try:
        where = _until(lambda: re.search(r"http://([^/\s]+)/metrics", (folder / "log").read_text()))
        address = str(where[1])
        _until(lambda: _ready(address))
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def _until(look: Any) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < deadline, "not seen in time"
        time.sleep(0.1)
    return seen


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
        body: bytes = response.read()
    return body


def _ready(address: str) -> bool:
    try:
        return bool(json.loads(_get(f"http://{address}/readyz"))["ready"])
    except OSError:
        return False


def _promtool(programs: Path, *arguments: str, stdin: bytes = b"") -> str:
    ended = subprocess.run(
        [programs / "promtool", *arguments], input=stdin, capture_output=True, check=False
    )
    assert ended.returncode == 0, (ended.stdout + ended.stderr).decode()
    return (ended.stdout + ended.stderr).decode()


def test_promtool_has_nothing_to_say_of_the_metrics(
    programs: Path, devnet: str, feed: str, folder: Path
) -> None:
    for where in (devnet, feed):
        assert _promtool(programs, "check", "metrics", stdin=_get(f"http://{where}/metrics")) == ""
    asked = [sys.executable, "-m", "kadisc", "metrics", "--state-dir", str(folder / "state")]
    for before in (b"", b'kadisc_control_requests_total{method="metrics",outcome="done"} 1.0\n'):
        printed = subprocess.run(asked, capture_output=True, check=True, timeout=PATIENCE_S).stdout
        assert _promtool(programs, "check", "metrics", stdin=printed) == ""
        assert before in printed


def test_the_alerts_are_valid_and_each_one_is_tested(programs: Path) -> None:
    assert "8 rules found" in _promtool(programs, "check", "rules", str(RULES))
    tests = RULES.with_suffix("").with_suffix(".rules.test.yml")
    assert "SUCCESS" in _promtool(programs, "test", "rules", str(tests))
    alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    assert alerts == set(re.findall(r"alertname: (\w+)", tests.read_text()))


def _expressions() -> list[str]:
    dashboard = json.loads((OPS / "grafana" / "kadisc.json").read_text())
    expressions = [
        target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
    assert len(expressions) > 30
    return expressions


def test_expressions_parse_and_name_families_that_exist(
    programs: Path, devnet: str, feed: str, tmp_path: Path
) -> None:
    rules = [
        {"record": f"panel:number{i}", "expr": expression}
        for i, expression in enumerate(_expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in _promtool(programs, "check", "rules", str(file))
    exposed = {
        name
        for where in (devnet, feed)
        for name in re.findall(
            r"^# TYPE (\S+)", _get(f"http://{where}/metrics").decode(), flags=re.MULTILINE
        )
    }
    texts = [*_expressions(), *re.findall(r"expr: (.*)", RULES.read_text())]
    named = {
        re.sub(r"_(bucket|count|sum)$", "", name) if name not in exposed else name
        for text in texts
        for name in re.findall(r"\b(?:kadisc|process)_\w+", text)
    }
    assert named
    assert named <= exposed


def test_prometheus_scrapes_a_devnet(programs: Path, devnet: str, tmp_path: Path) -> None:
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "kadisc", "static_configs": [{"targets": [devnet]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    port = _free_port()
    with (tmp_path / "log").open("wb") as log:
        prometheus = subprocess.Popen(
            [programs / "prometheus", f"--config.file={tmp_path / 'prometheus.yml'}"]
            + [f"--storage.tsdb.path={tmp_path / 'data'}"]
            + [f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log,
            stderr=log,
        )
    try:

        def value(query: str) -> float | None:
            url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
            try:
                found = json.loads(_get(url))["data"]["result"]
            except OSError:
                return None
            return float(found[0]["value"][1]) if found else None

        assert _until(lambda: value('up{job="kadisc"}')) == 1
        assert _until(lambda: value("count_over_time(kadisc_ready[1m]) >= 5"))
        ends = (
            "sum(kadisc_queries_received_total) + sum(kadisc_responses_received_total)"
            " + (sum(kadisc_datagrams_dropped_total) or vector(0))"
        )
        assert value("sum(kadisc_datagrams_received_total)") == value(ends)
        assert value("sum(kadisc_dht_contacts)") == 19
        alerts = json.loads(_get(f"http://127.0.0.1:{port}/api/v1/alerts"))["data"]["alerts"]
        assert {each["labels"]["alertname"] for each in alerts} <= {"KadiscTableThin"}
    finally:
        prometheus.terminate()
        prometheus.wait(PATIENCE_S)


def _free_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port
