"""UPnP: what is believed of the answers to the search, the process that speaks it, and what hostile
ones can do.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from kadisc.net.mapping import upnp
from kadisc.net.mapping.results import Grant, MappingRequest, Refusal
from kadisc.net.mapping.upnp import UpnpRouter, location_in, outcome_of, run_child
from kadisc.net.mapping.upnp_child import (
    MAX_LINE_BYTES,
    RequestFailed,
    check_description,
    is_at,
)

from .scripted_router import AT_HOME, ROUTER, UDP

DESCRIPTION = f"http://{ROUTER}:5000/rootDesc.xml"


def answer(location: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return f"{status}\r\nST: x\r\nLocation: {location}\r\n\r\n".encode()


def test_the_description_of_the_gateway_is_taken() -> None:
    assert location_in(answer(DESCRIPTION), ROUTER, ROUTER) == DESCRIPTION


@pytest.mark.parametrize(
    "location",
    ["http://192.168.1.66:5000/rootDesc.xml", "http://evil.example/rootDesc.xml", "", "x"]
    + [f"https://{ROUTER}/x", f"http://{ROUTER}@evil.example/x", f"http://{ROUTER}.evil.example/x"]
    + [f"http://{ROUTER}:80@evil.example/", f"http://{ROUTER}:/x", f"http://{ROUTER}:123456/"]
    + [f"http://{ROUTER}?x", f"http://{ROUTER}#x", f"http://{ROUTER}/x y", f"http://{ROUTER}/ü"]
    + ["http://3232235777/x", f"file://{ROUTER}/etc/passwd", f"http://{ROUTER}\\@evil.example/"],
)
def test_a_description_elsewhere_is_not_taken(location: str) -> None:
    assert location_in(answer(location), ROUTER, ROUTER) is None


def test_an_answer_of_another_host_is_not_taken() -> None:
    assert location_in(answer(DESCRIPTION), "192.168.1.66", ROUTER) is None
    assert location_in(answer(DESCRIPTION, "NOTIFY * HTTP/1.1"), ROUTER, ROUTER) is None
    assert location_in(b"HTTP/1.1 200 OK\r\n\r\n", ROUTER, ROUTER) is None


@given(st.text(alphabet="htp:/192.68@?#[]%\\evil \t\r\n", max_size=60))
def test_what_is_taken_leads_to_the_gateway_for_every_reader(rest: str) -> None:
    for url in (rest, f"http://{ROUTER}{rest}"):
        if is_at(url, ROUTER):
            assert urlsplit(url).hostname == ROUTER
            assert urlsplit(url).scheme == "http"


@given(st.binary(max_size=300))
def test_any_answer_to_the_search_is_read(payload: bytes) -> None:
    for some in (payload, b"HTTP/1.1 200 OK\r\nLOCATION:" + payload):
        url = location_in(some, ROUTER, ROUTER)
        assert url is None or is_at(url, ROUTER)


# --- the process ----------------------------------------------------------------------------------


def program(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", code)


async def test_what_the_process_says_is_read() -> None:
    echo = program("import sys; sys.stdout.write(sys.stdin.readline())")
    assert await run_child(echo, {"a": [1]}) == {"a": [1]}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import time; time.sleep(60)", "timeout"),
        ("while True: print('x' * 1000)", "too-long"),
        ("print('{' + 'x' * 5000)", "too-long"),
        ("import os; os.abort()", "no-answer"),
        ("import sys; sys.exit(1)", "no-answer"),
        ("", "no-answer"),
        ("print('[' * 4000)", "no-answer"),
        ("print('[]')", "no-answer"),
        ("print('nothing')", "no-answer"),
        ("import os; os.close(0); os.write(1, bytes(range(128, 256)))", "no-answer"),
    ],
)
async def test_a_process_that_hangs_floods_or_dies_is_an_error(
    monkeypatch: pytest.MonkeyPatch, code: str, error: str
) -> None:
    monkeypatch.setattr(upnp, "CHILD_S", 1.0 if error == "timeout" else 10.0)
    found = await run_child(program(code), {})
    assert found["error"] == error


@pytest.mark.parametrize(
    "said", [{"error": []}, {"error": {}}, {"error": None}, {"error": 5, "reason": {}}]
)
def test_an_error_of_any_type_is_a_refusal(said: dict[str, Any]) -> None:
    """A process that a router has taken over may say anything."""
    outcome = outcome_of(said | {"ports": [6881]}, MappingRequest("udp", 6881, 6881, 3600))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "malformed"


async def test_a_program_that_is_not_there_is_an_error() -> None:
    assert (await run_child(("/nonexistent/program",), {}))["error"] == "process"


async def test_what_the_process_started_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A process that was taken over could leave another behind."""
    monkeypatch.setattr(upnp, "CHILD_S", 2.0)
    mark = tmp_path / "pid"
    code = (
        "import os, time\n"
        "pid = os.fork()\n"
        f"if pid: open({str(mark)!r}, 'w').write(str(pid))\n"
        "time.sleep(60)\n"
    )
    assert (await run_child(program(code), {}))["error"] == "timeout"
    grandchild = int(mark.read_text())
    for _ in range(100):
        if is_gone(grandchild):
            return
        await trio.sleep(0.05)
    raise AssertionError("it still runs")


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"  # killed; its new parent has not looked yet


async def test_a_caller_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_child, program(code), {})
        for _ in range(500):
            if mark.exists() and mark.read_text():
                break
            await trio.sleep(0.02)
        nursery.cancel_scope.cancel()
    assert is_gone(int(mark.read_text()))


async def test_the_process_gets_no_environment_and_imports_nothing_of_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "x")
    code = (
        "import json, os, sys\n"
        "names = [n for n in os.environ if n not in ('LC_CTYPE',)]\n"
        "print(json.dumps({'names': names, 'isolated': sys.flags.isolated}))"
    )
    assert await run_child(program(code), {}) == {"names": [], "isolated": 1}


# --- the child itself, with a library that does what tests say ------------------------------------


def child_with(library: str, folder: Path) -> tuple[str, ...]:
    """The command of the real child, where ``import miniupnpc`` finds this module. Nothing is sent:
    the description is said to be there.
    """
    (folder / "miniupnpc.py").write_text(library)
    (folder / "http").mkdir(exist_ok=True)
    (folder / "http" / "__init__.py").write_text("")
    (folder / "http" / "client.py").write_text(CLIENT)
    code = (
        f"import sys, runpy; sys.path.insert(0, {str(folder)!r})\n"
        f"runpy.run_path({upnp.CHILD[-1]!r}, run_name='__main__')"
    )
    return program(code)


LIBRARY = """
class UPnP:
    lanaddr = "192.168.1.10"
    def selectigd(self, url): return "{control}"
    def externalipaddress(self): return "45.10.0.1"
    def deleteportmapping(self, port, protocol): pass
    def addportmapping(self, external, protocol, host, internal, description, remote, lease_s):
        assert (host, internal, description, remote) == ("192.168.1.10", 6881, "kadisc", "")
        {body}
        return True
"""
CLIENT = """
class HTTPException(Exception): pass
class HTTPConnection:
    status = 200
    def __enter__(self): return self
    def __exit__(self, *args): pass
    def __init__(self, host, timeout): assert host == "192.168.1.1:5000" and timeout <= 5
    def request(self, method, path, headers): assert (method, path) == ("GET", "/rootDesc.xml")
    def getresponse(self): return self
    def close(self): pass
"""
"""In place of the module of that name."""
CONTROL = f"http://{ROUTER}:5000/ctl/IPConn"


async def asked_of(child: tuple[str, ...]) -> Grant | Refusal:
    """What comes of a question, where the search has found the router."""
    with pytest.MonkeyPatch.context() as patch:

        async def found(location: object) -> str:
            return DESCRIPTION

        patch.setattr(upnp, "search", found)
        return await UpnpRouter(Random(1), child).ask(AT_HOME, UDP)


async def asked(folder: Path, body: str, control: str = CONTROL) -> Grant | Refusal:
    """``body``: what the library does when it is to map a port."""
    return await asked_of(child_with(LIBRARY.format(body=body, control=control), folder))


async def test_a_lease_is_asked_for(tmp_path: Path) -> None:
    grant = await asked(tmp_path, "assert lease_s == 3600")
    assert grant == Grant("upnp", 6881, bytes((45, 10, 0, 1)), 3600.0)


@pytest.mark.parametrize("said", ["Invalid Args", "OnlyPermanentLeasesSupported"])
async def test_a_router_without_leases_gets_a_permanent_mapping(tmp_path: Path, said: str) -> None:
    grant = await asked(tmp_path, f"if lease_s: raise Exception({said!r})")
    assert isinstance(grant, Grant)
    assert grant.is_permanent


@pytest.mark.parametrize("said", ["ConflictInMappingEntry", "Action Failed"])
async def test_a_port_that_another_host_has_is_replaced_by_a_random_one(
    tmp_path: Path, said: str
) -> None:
    body = f"if external == 6881: raise Exception({said!r})"
    grant = await asked(tmp_path, body)
    assert isinstance(grant, Grant)
    assert 20_000 <= grant.external < 60_000


async def test_four_other_ports_are_tried(tmp_path: Path) -> None:
    body = (
        "self.n = getattr(self, 'n', 0) + 1;"
        " raise Exception('Action Failed' if self.n < 5 else 'tried %d' % self.n)"
    )
    refusal = await asked(tmp_path, body)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.reason) == ("refused", "UPnP: tried 5")


@pytest.mark.parametrize(
    "control", ["http://192.168.1.66/ctl", f"http://{ROUTER}@evil.example/", "http://45.1.2.3/x"]
)
async def test_a_control_url_elsewhere_is_refused(tmp_path: Path, control: str) -> None:
    refusal = await asked(tmp_path, "raise SystemExit('spoken to')", control)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "control-url"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n<root/>", None),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.9:1/x\r\n\r\n", "HTTP status 302"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP status 404"),
        (b"\xff" * 70_000, "no usable description"),
        (b"", "no usable description"),
    ],
)
async def test_a_description_is_taken_from_where_the_router_said_alone(
    said: bytes, reason: str | None
) -> None:
    """The library would follow a redirect to any host of the LAN."""
    heard: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            heard.append(await stream.receive_some(4096))
            await stream.send_all(said)

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        port = listener.socket.getsockname()[1]
        url = f"http://127.0.0.1:{port}/desc.xml"
        refusal = None
        try:
            await trio.to_thread.run_sync(check_description, url)
        except RequestFailed as failed:
            refusal = str(failed.args[1])
        nursery.cancel_scope.cancel()
    assert heard[0].startswith(b"GET /desc.xml HTTP/1.1\r\n")
    assert (refusal is None) is (reason is None)
    assert reason is None or (refusal is not None and reason in refusal)


@pytest.mark.parametrize(
    ("library", "codes"),
    [
        ("import os; os.abort()", {"no-answer"}),
        ("x = 'x' * (1 << 30)", {"no-answer"}),
        pytest.param("while True: pass", {"no-answer", "timeout"}, marks=pytest.mark.slow),
        ("raise ImportError", {"no-library"}),
        (
            "class UPnP:\n def selectigd(self, url): raise Exception('<xml>' * 5000)",
            {"description"},
        ),
        (
            "import os\nos.open('/tmp/x', os.O_RDONLY) if 0 else [os.dup(1) for _ in range(99)]",
            {"no-answer"},
        ),
    ],
)
async def test_a_library_that_is_taken_over_harms_the_process_alone(
    tmp_path: Path, library: str, codes: set[str]
) -> None:
    """It aborts, wants a gigabyte, never ends (5 s of processor time), or opens files."""
    started = time.monotonic()
    outcome = await asked_of(child_with(library, tmp_path))
    assert isinstance(outcome, Refusal)
    assert outcome.code in codes
    assert time.monotonic() - started < 50
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 300


async def test_the_process_limits_itself_before_it_reads_anything(tmp_path: Path) -> None:
    library = (
        "import resource, signal\n"
        "kinds = (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)\n"
        "limits = [resource.getrlimit(kind) for kind in kinds]\n"
        "class UPnP:\n"
        "    def selectigd(self, url):\n"
        "        raise Exception('%s %s' % (limits, 0 < signal.alarm(0) <= 10))\n"
    )
    refusal = await asked_of(child_with(library, tmp_path))
    assert isinstance(refusal, Refusal)
    assert refusal.reason.endswith("[(5, 5), (268435456, 268435456), (0, 0)] True")


@pytest.mark.parametrize(
    "said",
    [
        {"external": True, "ip": None, "lease_s": 0},
        {"external": 6882, "ip": None, "lease_s": 3600},
        {"external": 6881, "ip": None, "lease_s": 1 << 40},
        {"external": [6881], "ip": None, "lease_s": 3600},
        {"external": 6881},
        {},
        {"error": "\x1b[31m", "reason": "\x1b[31m\n"},
    ],
)
async def test_an_answer_that_the_child_never_gives_is_refused(said: dict[str, Any]) -> None:
    outcome = await asked_of(program(f"print({json.dumps(json.dumps(said))})"))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "malformed"
    assert outcome.reason.isprintable()


async def test_an_address_that_is_none_is_left_out(tmp_path: Path) -> None:
    grant = await asked(tmp_path, "self.externalipaddress = None")
    assert grant == Grant("upnp", 6881, None, 3600.0)


def test_the_child_imports_nothing_of_kadisc() -> None:
    source = Path(upnp.CHILD[-1]).read_text(encoding="utf-8")
    assert "from ." not in source
    assert "import kadisc" not in source
    assert MAX_LINE_BYTES == 4096
    assert Path(upnp.CHILD[-1]).is_absolute()
