"""Short texts for numbers, of a nearly constant width."""

from __future__ import annotations


def age(seconds: float) -> str:
    """At most 4 characters: ``7s``, ``12m``, ``3h``, ``40d``; a dash for 1000 days and more."""
    if seconds < 0 or seconds != seconds:
        return "0s"
    for limit, unit_s, unit in (
        (60, 1, "s"),
        (3600, 60, "m"),
        (48 * 3600, 3600, "h"),
        (1000 * 86400, 86400, "d"),
    ):
        if seconds < limit:
            return f"{int(seconds / unit_s)}{unit}"
    return "-"


def duration(seconds: float) -> str:
    """``7s``, ``3m 05s``, ``2h 07m``, ``12d 3h``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 48 * 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def delay(seconds: float | None) -> str:
    """At most 7 characters: ``0.42 ms``, ``12.3 ms``, ``345 ms``, ``1.20 s``."""
    if seconds is None:
        return "-"
    ms = seconds * 1000
    if ms < 9.995:
        return f"{ms:.2f} ms"
    if ms < 99.95:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 999.5 else f"{seconds:.2f} s"


def byte_rate(bytes_per_s: float) -> str:
    """At most 8 characters up to gigabytes: ``999 B/s``, ``1.2 kB/s``."""
    if bytes_per_s < 999.5:
        return f"{bytes_per_s:.0f} B/s"
    for unit in ("kB/s", "MB/s"):
        bytes_per_s /= 1000
        if bytes_per_s < 9.95:
            return f"{bytes_per_s:.1f} {unit}"
        if bytes_per_s < 999.5:
            return f"{bytes_per_s:.0f} {unit}"
    return f"{bytes_per_s / 1000:.1f} GB/s"


def number(value: float) -> str:
    """At most 5 characters: ``0.4``, ``12``, ``99999``, ``123k``, ``1.2M``."""
    if 0 < value < 9.95 and value != int(value):
        return f"{value:.1f}"
    if value < 99_999.5:
        return f"{value:.0f}"
    if value < 999_500:
        return f"{value / 1000:.0f}k"
    return f"{value / 1e6:.1f}M" if value < 9.95e6 else f"{value / 1e6:.0f}M"
