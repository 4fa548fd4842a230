"""Services of a peer as text and as JSON: ``eth=30303`` is a port, ``fork=0xabcd`` are bytes,
``p2p=192.0.2.7:9333`` is at another host than the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import UsageError
from ..service_values import ServiceAddress, ServiceValue
from ..wire.records import MAX_SERVICE_BYTES, MAX_SERVICE_NAME_BYTES


def parse_service(text: str) -> tuple[str, ServiceValue]:
    """``NAME=PORT``, ``NAME=HOST:PORT`` or ``NAME=0xHEX``. Raises UsageError."""
    name, equals, value = text.partition("=")
    _check_name(name if equals else "", "NAME=PORT, NAME=HOST:PORT or NAME=0xHEX", text)
    try:
        return name, service_value(value)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def check_service(name: str, value: ServiceValue | None) -> None:
    """Raises UsageError for a name or value that no record can hold; None is no value."""
    _check_name(name, "a service", name)
    if isinstance(value, bytes) and not 0 < len(value) <= MAX_SERVICE_BYTES:
        raise UsageError(f"{name}: expected 1 to {MAX_SERVICE_BYTES} bytes, not {len(value)}")
    if isinstance(value, int) and not 0 < value < 65536:
        raise UsageError(f"{name}: a port is 1 to 65535, not {value}")


def _check_name(name: str, form: str, text: str) -> None:
    if not (0 < len(name) <= MAX_SERVICE_NAME_BYTES and name.isascii() and name.isalnum()):
        raise UsageError(
            f"expected {form}, "
            f"with a name of 1 to {MAX_SERVICE_NAME_BYTES} letters and digits, not {text!r}"
        )


def parse_services(texts: Iterable[str]) -> dict[str, ServiceValue]:
    """Raises UsageError, also for a name that is given twice."""
    services: dict[str, ServiceValue] = {}
    for text in texts:
        name, value = parse_service(text)
        if name in services:
            raise UsageError(f"the service {name} is given twice")
        services[name] = value
    return services


def parse_where(texts: Iterable[str]) -> dict[str, int | bytes | None]:
    """Which services are wanted: each text is ``NAME``, ``NAME=NUMBER``, ``NAME=0xHEX`` or
    ``NAME=TEXT``; None stands for any value. Raises UsageError, also for a name that is given
    twice.
    """
    wanted: dict[str, int | bytes | None] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        _check_name(name, "NAME or NAME=VALUE", text)
        if name in wanted:
            raise UsageError(f"the service {name} is given twice")
        wanted[name] = None if not equals else _value_in_text(name, value)
    return wanted


def _value_in_text(name: str, text: str) -> int | bytes:
    if text.startswith("0x") or (text.isascii() and text.isdigit()):
        try:
            value = service_value(text)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
        assert not isinstance(value, ServiceAddress)  # neither form has a colon
        return value
    raw = text.encode("utf-8", "surrogateescape")
    if not 0 < len(raw) <= MAX_SERVICE_BYTES:
        raise UsageError(f"{name}: expected 1 to {MAX_SERVICE_BYTES} bytes, not {len(raw)}")
    return raw


def where_from(wanted: Mapping[str, int | str | None]) -> dict[str, int | bytes | None]:
    """As `parse_where`, from a JSON object: null for any value, a number, ``0x`` and hex digits, or
    a text. Raises UsageError.
    """
    found: dict[str, int | bytes | None] = {}
    for name, given in wanted.items():
        _check_name(name, "NAME", name)
        found[name] = None if given is None else _value_in_text(name, str(given))
    return found


def where_document(wanted: Mapping[str, int | bytes | None]) -> dict[str, int | str | None]:
    """The JSON object for `where_from`, sorted by name."""
    return {
        name: f"0x{value.hex()}" if isinstance(value, bytes) else value
        for name, value in sorted(wanted.items())
    }


def service_value(text: str) -> ServiceValue:
    """A port, ``HOST:PORT`` with a numeric address, or bytes from ``0xHEX``. Raises ValueError."""
    if text.startswith("0x"):
        try:
            value = bytes.fromhex(text[2:])
        except ValueError:
            raise ValueError(f"expected whole bytes in hex after 0x, not {text!r}") from None
        if not 0 < len(value) <= MAX_SERVICE_BYTES:
            raise ValueError(f"expected 1 to {MAX_SERVICE_BYTES} bytes, not {len(value)}")
        return value
    if ":" in text:
        try:
            return ServiceAddress.parse(text)
        except ValueError as error:
            raise ValueError(
                f"expected a numeric address and a port, as in 192.0.2.7:9333: {error}"
            ) from None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise ValueError(f"expected a port from 1 to 65535, HOST:PORT or 0xHEX, not {text!r}")
    return int(text)


def services_document(services: Mapping[str, ServiceValue]) -> dict[str, int | str]:
    """Services for JSON: ports as numbers, bytes as ``0x`` and hex digits, addresses as HOST:PORT,
    sorted by name.
    """
    return {name: _in_json(value) for name, value in sorted(services.items())}


def _in_json(value: ServiceValue) -> int | str:
    if isinstance(value, int):
        return value
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def services_words(services: Mapping[str, int | str]) -> str:
    """The text for a `services_document`."""
    return "  ".join([f"{name}={value}" for name, value in services.items()]) or "no services"
