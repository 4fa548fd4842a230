"""The page: one self-contained HTML file with tables and charts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from ...errors import UsageError
from ..scenarios.registry import scenario_named
from .charts import Chart
from .points import Point, Row, Subject, numeric_columns
from .words import in_digits

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #24292f; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.5rem }
h2 { font-size: 1.25rem; margin-top: 3rem; border-bottom: 1px solid #d8dee4 }
h3 { font-size: 1rem }
figure { margin: 2rem 0 } figure h3 { margin: 0 0 .5rem }
figcaption, .small { font-size: .85rem; color: #57606a }
img { width: 100%; height: auto }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .8rem; white-space: nowrap;
  font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #d8dee4;
  vertical-align: top }
th:first-child, td:first-child, td.left, th.left { text-align: left }
td span { display: block; font-size: .7rem; color: #57606a }
th:first-child, td:first-child { position: sticky; left: 0; background: white }
code { font-size: .75rem; user-select: all } .failed { color: #b42318 }
"""


def page(subjects: Sequence[Subject], charts: dict[str, list[Chart]], files: Sequence[str]) -> str:
    """The page as HTML. ``charts``: by scenario; ``files``: the names of the result files."""
    runs = sum(len(point.runs) for subject in subjects for point in subject.points)
    failed = sum(len(point.failed) for subject in subjects for point in subject.points)
    versions = sorted(
        {
            str(run.get("version"))
            for subject in subjects
            for point in subject.points
            for run in [*point.runs, *point.failed]
        }
    )
    scenarios = ", ".join(subject.scenario for subject in subjects)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>kadisc: simulations</title><style>{_STYLE}</style></head><body>",
        f"<h1>kadisc: simulations of {_text(scenarios)}</h1>",
        f'<p class="small">{runs} runs, {failed} failed; kadisc {_text(", ".join(versions))}; '
        f"from {_text(', '.join(files))}</p>",
    ]
    for subject in subjects:
        parts.append(f"<h2>{_text(subject.scenario)}</h2>{_summary(subject)}")
        parts += [_figure(chart) for chart in charts[subject.scenario]]
        parts += [
            _table(f"{name}: medians over the seeds", rows)
            for name, rows in subject.tables().items()
        ]
        parts.append(_table("Medians over the seeds", subject.rows()))
        parts.append(_commands(subject.points))
        parts.append(_failures(subject.points))
    return "\n".join([*filter(None, parts), "</body></html>\n"])


def _figure(chart: Chart) -> str:
    image = b64encode(chart.png).decode()
    title = _text(chart.title)
    return (
        f'<figure><h3>{title}</h3><img alt="{title}" src="data:image/png;base64,{image}">'
        f"<figcaption>{_text(chart.caption)}</figcaption></figure>"
    )


def _table(title: str, rows: Sequence[Row]) -> str:
    """A row for each point (and variant): medians, with the lowest and the highest seed below."""
    if not rows:
        return ""
    names = numeric_columns(rows)
    head = "".join(f"<th>{_text(name)}</th>" for name in names)
    lines = []
    for row in rows:
        setting = row.point.label if row.point.values or not row.variant else ""
        label = ", ".join(filter(None, [row.variant, setting]))
        cells = "".join(_cell(row, name) for name in names)
        lines.append(f"<tr><td>{_text(label)}</td>{cells}</tr>")
    return f"<h3>{_text(title)}</h3>{_html_table(f'<th></th>{head}', lines)}"


def _html_table(head: str, rows: Sequence[str]) -> str:
    body = "\n".join(rows)
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}\n'
        "</tbody></table></div>"
    )


def _cell(row: Row, name: str) -> str:
    spread = row.spread(name)
    if spread is None:
        return "<td>–</td>"
    middle, low, high = (_number(value) for value in spread)
    return f"<td>{middle}</td>" if low == high else f"<td>{middle}<span>{low} – {high}</span></td>"


def _number(value: float) -> str:
    return f"{value:.5g}" if isinstance(value, float) and abs(value) < 1000 else in_digits(value)


def _commands(points: Sequence[Point]) -> str:
    lines = []
    for point in points:
        seeds = ", ".join(map(str, point.seeds)) or "–"
        failed = ", ".join(str(run["seed"]) for run in point.failed) or "–"
        lines.append(
            f'<tr><td>{_text(point.label)}</td><td class="left">{_text(seeds)}</td>'
            f'<td class="left failed">{_text(failed)}</td>'
            f'<td class="left"><code>{_text(point.command)}</code></td></tr>'
        )
    titles = ("seeds", "failed seeds", "command")
    head = "<th></th>" + "".join(f'<th class="left">{title}</th>' for title in titles)
    return f"<h3>Reproduce</h3>{_html_table(head, lines)}"


def _failures(points: Sequence[Point]) -> str:
    failed = [run for point in points for run in point.failed]
    if not failed:
        return ""
    lines = "\n".join(
        f'<li><span class="failed">{_text(run["failed"])}</span><br>'
        f"<code>{_text(run['command'])}</code></li>"
        for run in failed
    )
    return f"<h3>Failed runs</h3><ul>\n{lines}\n</ul>"


def _summary(subject: Subject) -> str:
    try:
        return f"<p>{_text(scenario_named(subject.scenario).summary)}</p>"
    except UsageError:  # results of another version
        return ""


def _text(text: str) -> str:
    return escape(text, quote=True)
