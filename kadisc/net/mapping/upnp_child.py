"""The process that speaks UPnP: one request in, one answer out, and its end.

Attack: a router's description is XML that any host of the LAN can forge, read by a library in C.
Bitcoin Core removed UPnP after remote code execution by way of it (read in source: bitcoin #31130).
Defence: the node never reads any of it. It starts this file with an empty environment, isolated
from the folders that a user may write modules into (``python -I``), in a process group of its own
that it kills after 10 s; the process limits its own processor time, memory and files before it
reads anything. It imports nothing of kadisc.

In: a line of JSON with ``url`` (of the router's description), ``gateway``, ``protocol`` (UDP, TCP),
``internal``, ``ports`` (external ones, tried in this order), ``lease_s``, and ``delete`` (true: the
first of ``ports`` is deleted). Out: a line of JSON of at most 4 kB, with ``external``, ``ip`` and
``lease_s`` (0: permanent), or with ``error``, a word, and ``reason``.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from typing import Any, Final

MAX_LINE_BYTES: Final = 4096
CPU_S: Final = 5
MEMORY_BYTES: Final = 256 << 20
LIFETIME_S: Final = 10
DESCRIPTION_S: Final = 3
MAX_FILES: Final = 32
DESCRIPTION: Final = "kadisc"
# What miniupnpc says (`strupnperror`) for the errors 402, 725, 718 and 501.
_LEASE_ERRORS: Final = ("Invalid Args", "OnlyPermanentLeasesSupported")
_PORT_ERRORS: Final = ("ConflictInMappingEntry", "Action Failed")


class RequestFailed(Exception):
    """``args``: a word, and a reason in words."""


def limit_resources() -> None:
    """For this process; a limit that the system does not know is left out."""
    import resource  # the parent imports this file too, on systems that have no such module

    signal.alarm(LIFETIME_S)
    for kind, limit in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(kind, (limit, limit))
        except (OSError, ValueError):
            continue


def is_at(url: str, gateway: str) -> bool:
    """Whether a URL is of plain HTTP at this numeric address, written without anything that two
    programs may read differently.
    """
    pattern = rf"http://{re.escape(gateway)}(?::[0-9]{{1,5}})?(?:/[!-~]*)?"
    return re.fullmatch(pattern, url) is not None


def check_description(url: str) -> None:
    """Raises RequestFailed where the description is not at that URL: the library would follow
    a redirect to any host of the LAN.
    """
    from http.client import HTTPConnection, HTTPException

    host, _, path = url.removeprefix("http://").partition("/")
    try:
        connection = HTTPConnection(host, timeout=DESCRIPTION_S)
        try:
            connection.request("GET", f"/{path}", headers={"Connection": "close"})
            with connection.getresponse() as response:
                status = response.status
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise RequestFailed("description", f"no usable description: {error}") from None
    if status != 200:
        raise RequestFailed("description", f"the description is not there: HTTP status {status}")


def answer_to(request: dict[str, Any]) -> dict[str, Any]:
    """Carries a request out. Raises RequestFailed."""
    try:
        import miniupnpc
    except ImportError:
        raise RequestFailed("no-library", "the package miniupnpc cannot be imported") from None
    url, gateway = str(request["url"]), str(request["gateway"])
    if not is_at(url, gateway):
        raise RequestFailed("location", "the description is not at the router")
    check_description(url)
    router = miniupnpc.UPnP()
    try:
        control = str(router.selectigd(url))
    except Exception as error:  # noqa: BLE001 the library raises nothing more special
        raise RequestFailed("description", f"no usable description: {error}") from None
    if not is_at(control, gateway):
        raise RequestFailed("control-url", "its control URL is not at the router")
    if request["delete"]:
        port = int(request["ports"][0])
        try:
            router.deleteportmapping(port, request["protocol"])
        except Exception as error:  # noqa: BLE001
            raise RequestFailed("delete", str(error)) from None
        return {"external": port, "ip": None, "lease_s": 0}
    external, lease_s = _mapped(router, request)
    try:
        ip = str(router.externalipaddress())
    except Exception:  # noqa: BLE001
        ip = None
    return {"external": external, "ip": ip, "lease_s": lease_s}


def _mapped(router: Any, request: dict[str, Any]) -> tuple[int, int]:
    """The external port, and the lease in seconds, 0 where it is permanent. Raises
    RequestFailed.
    """
    lease_s = int(request["lease_s"])
    said = "no port was tried"
    for port in request["ports"]:
        for _ in range(2):
            try:
                router.addportmapping(
                    int(port),
                    request["protocol"],
                    router.lanaddr,
                    int(request["internal"]),
                    DESCRIPTION,
                    "",
                    lease_s,
                )
                return int(port), lease_s
            except Exception as error:  # noqa: BLE001
                said = str(error)
            if said not in _LEASE_ERRORS or not lease_s:
                break
            lease_s = 0
        if said not in _PORT_ERRORS:
            break
    raise RequestFailed("refused", said)


def main() -> int:
    limit_resources()
    try:
        request = json.loads(sys.stdin.buffer.readline(MAX_LINE_BYTES + 1))
        answer = answer_to(request)
    except RequestFailed as failed:
        answer = {"error": failed.args[0], "reason": str(failed.args[1])[:500]}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        answer = {"error": "request", "reason": str(error)[:500]}
    line = json.dumps(answer).encode()[: MAX_LINE_BYTES - 1] + b"\n"
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
