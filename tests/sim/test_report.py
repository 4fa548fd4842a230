"""Reports: points, spreads, charts and the page of given results."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from matplotlib.image import imread

from kadisc.sim.measure.statistics import by_minute, quantiles
from kadisc.sim.report.charts import Chart, charts_of
from kadisc.sim.report.page import page
from kadisc.sim.report.points import Subject, subjects
from kadisc.sim.report.words import change_in_words, in_digits, in_words

VARIANTS = {"all on": 0.1, "no caps": 0.6, "all off": 0.9}


def record(
    seed: int, metrics: dict[str, Any] | None, scenario: str = "lookup", **varied: Any
) -> dict[str, Any]:
    base = {
        "scenario": scenario,
        "seed": seed,
        "version": "1",
        "settings": {"minutes": 2.0},
        "varied": varied,
    }
    words = "".join(f" --set {name}={value}" for name, value in varied.items())
    outcome = {"failed": "Violation: <it broke>"} if metrics is None else {"metrics": metrics}
    return {
        **base,
        **outcome,
        "command": f"kadisc sim run {scenario} --seed {seed}{words}",
        "run": f"{scenario} {seed} {varied}",
    }


def attack(seed: int, addresses: int, prefixes: int) -> dict[str, Any]:
    rows = [
        {
            "variant": name,
            "captured": min(1.0, share * prefixes / 20 + seed / 100),
            "queries": 10 + seed,
        }
        for name, share in VARIANTS.items()
    ]
    return record(
        seed,
        {"ablation": rows},
        "eclipse-flood",
        **{"attack.addresses": addresses, "attack.prefixes": prefixes},
    )


def drawn(subject: Subject) -> list[Chart]:
    charts = list(charts_of(subject))
    for chart in charts:
        pixels = imread(BytesIO(chart.png))
        assert pixels[..., :3].std() > 0.02
    return charts


def test_a_setting_is_a_point_with_its_seeds() -> None:
    records = [
        record(seed, {"recall": value - seed / 100}, crash=share)
        for share, value in ((0.5, 0.8), (0.3, 0.9))
        for seed in (1, 2, 3)
    ]
    records.append(record(4, None, crash=0.3))
    (subject,) = subjects(records)
    assert subject.names == ["crash"]
    assert [point.label for point in subject.points] == ["crash = 0.3", "crash = 0.5"]
    assert [point.seeds for point in subject.points] == [[1, 2, 3], [1, 2, 3]]
    assert [run["seed"] for run in subject.points[0].failed] == [4]
    assert subject.rows()[0].spread("recall") == pytest.approx((0.88, 0.87, 0.89))
    assert subject.points[0].command == "kadisc sim sweep lookup --seeds 1,2,3,4 --set crash=0.3"


def test_of_two_records_of_a_run_the_last_one_counts() -> None:
    (subject,) = subjects([record(1, {"recall": 0.1}), record(1, {"recall": 0.9})])
    assert subject.rows()[0].spread("recall") == (0.9, 0.9, 0.9)


def test_a_missing_setting_is_the_default_of_the_scenario() -> None:
    given, missing = record(1, {"recall": 0.1}), record(2, {"recall": 0.2})
    given["settings"] = {"nodes": 1000, "minutes": 2.0}
    (subject,) = subjects([given, missing])
    assert subject.names == []


def test_distributions_and_courses_are_drawn_with_their_numbers_in_the_title() -> None:
    records = [
        record(
            seed,
            {
                **quantiles("answered_mrtt", [seed + each / 10 for each in range(50)]),
                "recall_by_minute": [0.99, None, 0.97],
            },
            crash=share,
        )
        for share in (0.3, 0.5)
        for seed in (1, 2)
    ]
    titles = [chart.title for chart in drawn(subjects(records)[0])]
    assert titles[0] == "Time until all k closest have answered: median 3.9, p99 6.4 mRTT"
    assert titles[1] == "Recall of the k closest, minute by minute: from 97.0 % to 99.00 %"


def test_attacks_are_drawn_against_addresses_and_subnets_with_a_line_for_each_variant() -> None:
    records = [
        attack(seed, addresses, prefixes)
        for seed in (1, 2)
        for addresses in (100, 400)
        for prefixes in (1, 20)
    ]
    charts = drawn(subjects(records)[0])
    assert [chart.title.split(":")[0] for chart in charts] == [
        "addresses of the attacker from 100 to 400",
        "/24s of the attacker from 1 to 20",
    ]
    assert "captured rises from 2.0 % to 11.5 % (all on" in charts[1].title


def test_variants_are_drawn_side_by_side_if_no_option_was_varied() -> None:
    (chart,) = drawn(subjects([attack(seed, 100, 20) for seed in (1, 2)])[0])
    assert chart.title == "Captured: 11.5 % with 'all on', 91.5 % with 'all off'"


def test_more_settings_than_colours_and_categories_are_drawn() -> None:
    records = [
        record(seed, {"recall": 0.9 + share / 100, "recall_by_minute": [0.9, 0.95]}, crash=share)
        for share in range(12)
        for seed in (1, 2)
    ]
    assert "8 of 12 settings are drawn" in drawn(subjects(records)[0])[0].caption
    records = [
        record(1, {"recall": recall}, **{"churn.profile": name})
        for name, recall in (("ipfs", 0.9), ("none", 1.0))
    ]
    assert (
        drawn(subjects(records)[0])[0].title
        == "churn.profile: recall of the k closest 90.0 % with ipfs, 100.0 % with none"
    )


def test_a_page_escapes_text_of_results_and_lists_failed_runs() -> None:
    every = subjects(
        [
            record(1, None, "<b>"),
            record(2, {"recall": 1.0}, "<b>"),
            record(1, None, "only failures"),
        ]
    )
    text = page(
        every, {subject.scenario: list(charts_of(subject)) for subject in every}, ["<file>"]
    )
    assert "&lt;it broke&gt;" in text
    assert "<b>" not in text
    assert "<file>" not in text
    assert "kadisc sim run only failures --seed 1" in text


def test_shares_by_minute_leave_out_a_last_minute_that_has_hardly_begun() -> None:
    assert by_minute("x", [(0, 1, 2), (59.9, 1, 2), (130, 3, 4)]) == {
        "x_by_minute": [0.5, None, 0.75]
    }
    assert by_minute("x", [(0, 1, 20), (60, 1, 1)]) == {"x_by_minute": [0.05]}
    assert by_minute("x", []) == {"x_by_minute": []}
    assert quantiles("x", []) == {"x_quantiles": []}
    found = quantiles("x", range(1000))["x_quantiles"]
    assert isinstance(found, list)
    assert (len(found), found[0], found[50], found[100]) == (101, 0, 499, 999)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("answered_mrtt_p99", "time until all k closest have answered, p99"),
        ("re_recall", "recall of the k closest, after a restart"),
        ("table_size_mean", "table size, mean"),
        ("core.table.k", "core.table.k"),
        ("recall_0_to_60_s", "recall 0 to 60 s"),
    ],
)
def test_names_become_words(name: str, words: str) -> None:
    assert in_words(name) == words


def test_numbers_become_words() -> None:
    assert [in_digits(value, share=True) for value in (0, 0.5, 0.9985, 1)] == [
        "0 %",
        "50.0 %",
        "99.85 %",
        "100.0 %",
    ]
    assert [in_digits(value) for value in (0, 0.01234, 12345)] == ["0", "0.0123", "12,345"]
    assert (
        change_in_words("bytes_per_s_mean", 100, 200, share=False)
        == "payload sent by a node, mean rises from 100 to 200 bytes/s"
    )
    assert change_in_words("hops_mean", 1.0, 1.01, share=False) == "hops, mean stays at 1.01"
