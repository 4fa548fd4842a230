"""Answers requests by their path, after it was checked who asks."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from ..errors import KadiscError, NotFound, UsageError
from .access import Access
from .requests import HttpRequest, HttpResponse, plain


class PathAnswers:
    """``_paths``: what answers each path; it may raise KadiscError."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._paths: dict[str, Callable[[HttpRequest], HttpResponse]] = {}

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Never raises for what a client sent."""
        if not self._access.knows_host(request.headers.get("host")):
            return plain(421, "this server has another name; ask it by its address")
        if request.method not in ("GET", "HEAD"):
            return plain(405, "only GET and HEAD", allow="GET, HEAD")
        path = split_target(request).path
        found = self._paths.get(path)
        # Load balancers check health without a token; it tells nothing about peers.
        if path not in ("/healthz", "/readyz") and not self._access.lets_in(
            request.headers.get("authorization")
        ):
            return plain(401, "the token is missing or wrong", www_authenticate="Bearer")
        if found is None:
            return plain(404, f"no such path; there are {', '.join(self._paths)}")
        try:
            return found(request)
        except NotFound as error:
            return plain(404, str(error))
        except (UsageError, ValueError) as error:
            return plain(400, str(error))
        except KadiscError as error:
            return plain(503, str(error))


def split_target(request: HttpRequest) -> SplitResult:
    """The target in its parts. One that is no URL, such as ``//[``, has the path of no route."""
    try:
        return urlsplit(request.target)
    except ValueError:
        return SplitResult("", "", request.target, "", "")
