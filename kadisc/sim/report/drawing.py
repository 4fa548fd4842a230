"""The style of charts. matplotlib comes with the extra ``plots``; only functions here import it.
Figures are made without pyplot, so that no global state is changed and no display is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ...errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 8.0
DPI = 150
INK, FAINT = "#24292f", "#d8dee4"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444", "#8c564b")
"""The palette of Okabe and Ito, safe for colour-blind readers, the darker colours first."""
MAX_LINES = len(_COLOURS)


def new_figure(
    height_in: float, rows: int = 1, columns: int = 1, *, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """Raises UsageError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("charts need matplotlib; pip install matplotlib brings it") from None
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr, call-arg]
    axes = [
        axis for row in figure.subplots(rows, columns, squeeze=False, sharey=sharey) for axis in row
    ]
    for axis in axes:
        _style(axis)
    return figure, axes


def colours(count: int, *, ordered: bool) -> list[Any]:
    """``count`` colours; if ``ordered``, shades from light to dark."""
    if not ordered or count < 3:
        return [_COLOURS[index % MAX_LINES] for index in range(count)]
    from matplotlib import colormaps

    return [colormaps["viridis"](0.85 - 0.85 * index / (count - 1)) for index in range(count)]


def in_percent(axis: Any, digits: int | None = None) -> None:
    """Labels an axis of shares in per cent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, decimals=digits, symbol=" %"))


def legend(axes: Axes, title: str | None = None, **places: Any) -> None:
    axes.legend(
        title=title, fontsize=8, title_fontsize=8, frameon=False, alignment="left", **places
    )


def png_of(figure: Figure) -> bytes:
    output = BytesIO()
    # Without the version of matplotlib, so that the same results give the same page.
    figure.savefig(output, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return output.getvalue()


def set_limits(axes: Axes, values: Sequence[float], *, shares: bool) -> None:
    """Sets the limits of the y axis: from 0, or for shares near 1 so that the difference to 1 is
    visible; never so narrow that noise looks like a change.
    """
    low, high = min(values), max(values)
    if shares and low > 0.5:
        span = max(1.0 - low, 0.01)
        axes.set_ylim(max(0.0, 1.0 - 1.15 * span), 1.0 + 0.05 * span)
    elif low >= 0:
        axes.set_ylim(0.0, 1.12 * high if high > 0 else 1.0)


def _style(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#8c959f")
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=INK, length=3)
    axes.xaxis.label.set(size=9, color=INK)
    axes.yaxis.label.set(size=9, color=INK)
