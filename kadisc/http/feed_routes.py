"""What ``kadisc feed --metrics`` answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..observe.metric_family import MetricFamily
from .access import Access
from .exposition import Exposition
from .paths import PathAnswers
from .requests import HttpRequest, HttpResponse, plain


class FeedRoutes(PathAnswers):
    """``families`` returns the metrics of this moment."""

    def __init__(self, access: Access, families: Callable[[], Iterable[MetricFamily]]) -> None:
        super().__init__(access)
        self._exposition = Exposition(families)
        self._paths = {"/metrics": self._metrics, "/healthz": self._health}

    def _metrics(self, request: HttpRequest) -> HttpResponse:
        body, content_type = self._exposition.render(request.headers.get("accept", ""))
        return HttpResponse(200, body, content_type)

    def _health(self, request: HttpRequest) -> HttpResponse:
        return plain(200, "ok")
