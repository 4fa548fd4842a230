"""Metrics and health over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import Commands, Form, Heading, HoldsFor, Option, setting, switch


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """What `kadisc run` serves to Prometheus, load balancers and scripts."""

    listen: str | None = setting(
        None,
        Form.HTTP_ADDRESS,
        "The node serves ``/metrics`` (Prometheus), ``/healthz`` and ``/readyz`` at this address;"
        " without it no HTTP server runs.",
        option=Option(
            Commands.RUN,
            "HOST:PORT",
            "serve /metrics (Prometheus), /healthz and /readyz here, as in 127.0.0.1:9464, or at"
            " unix:PATH; needs the extra metrics",
            heading=Heading.METRICS,
            name="metrics",
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    api: bool = switch(
        False,
        "The same server has ``/v1/status``, ``/v1/peers`` and ``/v1/why``, read-only.",
        option=Option(
            Commands.RUN,
            help="serve /v1/status, /v1/peers and /v1/why there as well, read-only",
            heading=Heading.METRICS,
            name="http-api",
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    token_file: str | None = setting(
        None,
        Form.FILE,
        "Requests need the token in this file (``Authorization: Bearer``), those for health"
        " excepted. An address that is not loopback needs it, or ``open``.",
        option=Option(
            Commands.RUN,
            "FILE",
            "requests need the token in this file, as Authorization: Bearer; health needs none",
            heading=Heading.METRICS,
            name="metrics-token",
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    open: bool = switch(
        False,
        "Other machines may ask without a token.",
        option=Option(
            Commands.RUN,
            help="let other machines ask without a token, as behind a firewall",
            heading=Heading.METRICS,
            name="metrics-open",
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
