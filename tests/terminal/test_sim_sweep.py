"""``kadisc sim sweep`` and ``kadisc sim report``: finished runs are kept at any end of a sweep, and
the same command continues with the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .commands import PATIENCE_S, environment, kadisc, running

SMALL_NETWORK = ["--nodes", "40", "--minutes", "1.5"]
TINY = [*SMALL_NETWORK, "--set", "warmup_s=5", "--set", "lookups_per_minute=60"]
LONG = ("--nodes", "60", "--minutes", "3", "--set", "warmup_s=5", "--seeds", "40", "--jobs", "2")
SOON_S = 5.0
"""Five times the expected second."""


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def wait_for(what: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end
        os.sched_yield()


def descendants(pid: int) -> list[int]:
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [other for child in children for other in descendants(child)]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "churn.jsonl"
    done = kadisc(
        "sim",
        "sweep",
        "churn",
        *TINY,
        "--vary",
        "churn.profile=ipfs,bittorrent",
        "--seeds",
        "2",
        "--out",
        str(path),
        "--json",
    )
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert {
        name: document[name] for name in ("runs", "done", "already_done", "failed", "lost")
    } == {
        "runs": 4,
        "done": 4,
        "already_done": 0,
        "failed": [],
        "lost": [],
    }
    return path


def test_every_combination_is_a_line(swept: Path) -> None:
    records = lines(swept)
    wanted = {(seed, profile) for seed in (1, 2) for profile in ("ipfs", "bittorrent")}
    assert {(record["seed"], record["varied"]["churn.profile"]) for record in records} == wanted
    assert all(
        record.keys() >= {"scenario", "digest", "metrics", "command", "settings", "version", "run"}
        for record in records
    )


def test_the_command_of_a_line_reproduces_it(swept: Path) -> None:
    record = lines(swept)[0]
    again = json.loads(kadisc(*record["command"].split()[1:], "--json").stdout)
    assert (again["digest"], again["metrics"]) == (record["digest"], record["metrics"])


def test_finished_runs_are_not_repeated_but_an_incomplete_line_is(
    swept: Path, tmp_path: Path
) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(swept.read_bytes()[:-100])
    # The same runs, with options in another order and values written differently.
    command = (
        "sim",
        "sweep",
        "churn",
        "--minutes",
        "1.50",
        *TINY[:2],
        *TINY[4:],
        "--vary",
        "churn.profile=bittorrent,ipfs",
        "--seeds",
        "1,2",
    )
    done = kadisc(*command, "--out", str(path))
    assert done.returncode == 0
    assert "incomplete" in done.stderr
    assert "4 of 4 runs" in done.stdout
    assert "3 of them from before" in done.stdout
    assert {record["digest"] for record in lines(path)} == {
        record["digest"] for record in lines(swept)
    }


def test_ctrl_c_keeps_finished_runs_and_ends_every_worker(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with running("sim", "sweep", "lookup", *LONG, "--out", str(path)) as process:
        wait_for(lambda: path.exists() and path.stat().st_size)
        workers = descendants(process.pid)
        asked = time.monotonic()
        for pid in [process.pid, *workers]:  # as a terminal does
            with contextlib.suppress(ProcessLookupError):  # the first one may have ended the others
                os.kill(pid, signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - asked < SOON_S
    assert (process.returncode, output) == (130, "")
    assert re.fullmatch(
        rf"kadisc: \d+ of 40 runs are done and in {path}; "
        r"the same command continues with the rest\n",
        errors,
    )
    assert len(lines(path)) == int(errors.split()[1])
    assert len(workers) >= 2
    wait_for(lambda: not any(map(is_running, workers)))


def test_after_a_kill_no_worker_is_left_and_the_sweep_continues(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with running("sim", "sweep", "lookup", *LONG, "--out", str(path)) as process:
        wait_for(lambda: path.exists() and path.stat().st_size)
        workers = descendants(process.pid)
        process.kill()
        process.communicate(timeout=PATIENCE_S)
    wait_for(lambda: not any(map(is_running, workers)))
    kept = len(path.read_bytes().splitlines())
    done = kadisc(
        "sim", "sweep", "lookup", *LONG[:-4], "--seeds", "2", "--out", str(path), "--json"
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["already_done"] == min(kept, 2) or "incomplete" in done.stderr
    assert json.loads(done.stdout)["done"] == 2


def failing(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    options = ["--nodes", "10", "--set", "warmup_s=0", "--seeds", "1,2,3,4", "--jobs", "1"]
    words = ["sim", "sweep", "fails", *options, "--out", str(path), *more]
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.terminal.failing_sweep", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(),
    )


def test_a_failed_run_is_recorded_and_stops_no_other(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    done = failing(path)
    assert done.returncode == 1
    assert [record["seed"] for record in lines(path)] == [1, 2, 4]
    assert lines(path)[1]["failed"] == "Violation: an invariant is violated"
    assert (
        lines(path)[1]["command"] == "kadisc sim run fails --seed 2 --nodes 10 --set warmup_s=0.0"
    )
    assert "reproduce: kadisc sim run fails --seed 2" in done.stderr
    assert "killed by signal 9; reproduce: kadisc sim run fails --seed 3" in done.stderr
    assert "Traceback" not in done.stderr
    again = failing(path, "--json")  # the failed run is kept, the killed one is repeated
    assert again.returncode == 1
    document = json.loads(again.stdout)
    assert (document["runs"], document["done"], document["already_done"]) == (4, 3, 3)
    assert document["error"]["code"] == "runs_failed"
    assert "seed 3" in again.stderr
    assert len(lines(path)) == 3
    page = kadisc("sim", "report", str(path), "--json")
    assert json.loads(page.stdout)["failed"][0]["seed"] == 2
    assert "an invariant is violated" in (tmp_path / "out.html").read_text()


def test_two_sweeps_cannot_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with running("sim", "sweep", "lookup", *LONG, "--out", str(path)) as process:
        wait_for(lambda: path.exists() and path.stat().st_size)
        done = kadisc("sim", "sweep", "lookup", *LONG, "--out", str(path))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (
        2,
        f"kadisc: --out {path}: another sweep is writing to it\n",
    )


# --- on a cluster ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Dask scheduler and a worker, each in its own process."""
    folder = tmp_path_factory.mktemp("dask")
    place, dask = folder / "scheduler.json", [sys.executable, "-m", "distributed.cli."]
    options = ["--scheduler-file", str(place), "--no-dashboard"]
    serve = [
        *dask[:-1],
        dask[-1] + "dask_scheduler",
        *options,
        "--host",
        "tcp://127.0.0.1",
        "--port",
        "0",
    ]
    work = [
        *dask[:-1],
        dask[-1] + "dask_worker",
        *options,
        "--nthreads",
        "1",
        "--no-nanny",
        "--host",
        "127.0.0.1",
        "--local-directory",
        str(folder),
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment()}
    processes = [subprocess.Popen(command, **quiet) for command in (serve, work)]  # type: ignore[call-overload]
    try:
        wait_for(lambda: place.exists() and place.stat().st_size)
        yield json.loads(place.read_text())["address"]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_cluster_gives_the_same_results(scheduler: str, swept: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    words = (
        "sim",
        "sweep",
        "churn",
        *TINY,
        "--vary",
        "churn.profile=ipfs,bittorrent",
        "--seeds",
        "2",
        "--out",
        str(path),
        "--scheduler",
        scheduler,
    )
    done = kadisc(*words)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert {(record["run"], record["digest"]) for record in lines(path)} == {
        (record["run"], record["digest"]) for record in lines(swept)
    }


# --- the page -------------------------------------------------------------------------------------


def test_the_page_has_charts_that_are_not_blank(swept: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    out = tmp_path / "page.html"
    done = kadisc("sim", "report", str(swept), "--out", str(out), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document, text = json.loads(done.stdout), out.read_text()
    pictures = [
        b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    ]
    assert len(pictures) == len(document["charts"]) >= 4
    for number, picture in enumerate(pictures):
        place = tmp_path / f"{number}.png"
        place.write_bytes(picture)
        pixels = imread(place)
        assert pixels.shape[1] >= 1000
        assert pixels[..., :3].std() > 0.02  # lines and text on white, not a blank picture
    assert "http" not in text.replace("http-equiv", "")  # it loads nothing
    for row in document["rows"]:
        assert row["seeds"] == [1, 2]
        assert row["command"].replace("&", "&amp;") in text
        assert row["medians"]["recall"] > 0.5


def test_the_same_results_give_the_same_page(swept: Path, tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("a.html", "b.html")]
    for place in pages:
        assert kadisc("sim", "report", str(swept), "--out", str(place)).returncode == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lokup"], "did you mean lookup?"),
        (["lookup", "--vary", "x"], "OPTION=A,B"),
        (
            ["lookup", "--vary", "churn.profle=ipfs"],
            "--vary churn.profle: there is no option 'profle'; did you mean profile?",
        ),
        (["lookup", "--vary", "churn.profile=ipfs,x"], "bittorrent"),
        (["lookup", "--vary", "nodes=1,50"], "2 to"),
        (["lookup", "--vary", "seed=1,2"], "--seeds"),
        (["lookup", "--vary", "nodes=20,30", "--nodes", "10"], "also set"),
        (
            ["lookup", "--vary", "crash=0.1,0.2", "--nodes", "10", "--set", "nodes=20"],
            "--nodes 10 and --set nodes=20 contradict each other",
        ),
        (["lookup", "--vary", "crash=0.1", "--vary", "crash=0.2"], "given twice"),
        (["lookup", "--seeds", "some"], "3,5,7"),
        (["lookup", "--seeds", "0"], "1 to"),
        (["lookup", "--seeds", "1-100000", "--vary", "crash=0.1,0.2"], "200000 runs"),
        (["lookup", "--jobs", "none"], "--jobs"),
        (["lookup", "--out", "missing/out.jsonl"], "--out missing/out.jsonl: No such file"),
        (["lookup", "--out", "/dev/null"], "not a file"),
        (["lookup", "--scheduler", "here"], "tcp://HOST:PORT"),
    ],
)
def test_a_wrong_option_is_an_error_of_one_line(arguments: list[str], words: str) -> None:
    done = kadisc("sim", "sweep", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_scheduler_is_an_error_of_one_line(tmp_path: Path) -> None:
    done = kadisc(
        "sim",
        "sweep",
        "lookup",
        "--out",
        str(tmp_path / "out.jsonl"),
        "--scheduler",
        "tcp://127.0.0.1:1",
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "kadisc: --scheduler tcp://127.0.0.1:1: no Dask scheduler answers there\n"
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("missing", "command", "words"),
    [
        (
            "matplotlib",
            ("report", "RESULTS", "--out", "never.html"),
            "charts need matplotlib; pip install matplotlib brings it",
        ),
        (
            "distributed",
            ("sweep", "lookup", "--out", "never.jsonl", "--scheduler", "tcp://127.0.0.1:1"),
            "pip install distributed brings it",
        ),
    ],
)
def test_a_missing_extra_is_an_error_of_one_line(
    swept: Path, tmp_path: Path, missing: str, command: tuple[str, ...], words: str
) -> None:
    arguments = ["sim", *(str(swept) if word == "RESULTS" else word for word in command)]
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from kadisc.cli.main import main; "
        f"sys.exit(main({arguments!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "no results"),
        (b"hello\n", "line 1 is not a result"),
        (b"\xff\xfe\x00", "line 1 is not a result"),
        (b"[1, 2]\n", "line 1 is not a result"),
        (
            b'{"scenario": "x", "seed": 1, "command": "y", "metrics": {}}\n{"scenario": 1}\n',
            "line 2 is not a result",
        ),
    ],
)
def test_a_file_without_results_is_an_error_of_one_line(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "in.jsonl"
    if content is not None:
        path.write_bytes(content)
    done = kadisc("sim", "report", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    if content and words.startswith("line"):  # a sweep does not change such a file
        done = kadisc("sim", "sweep", "lookup", "--out", str(path))
        assert (done.returncode, path.read_bytes()) == (2, content)


def test_an_unwritable_page_is_an_error_of_one_line(swept: Path, tmp_path: Path) -> None:
    for out, words in (
        (tmp_path / "missing" / "x.html", "No such file"),
        (swept, "one of the results files"),
    ):
        done = kadisc("sim", "report", str(swept), "--out", str(out))
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
