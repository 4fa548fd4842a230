"""docs/how-to/behind-a-router.md shows what a node says behind a real router: it still does."""

import re
from pathlib import Path

import pytest

from ..support.scenario_runs import Seen

pytestmark = pytest.mark.real

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "behind-a-router.md"
OWN_OF_A_RUN = re.compile(
    r"[0-9a-f]{40,64}|\b\d+\.\d+\.\d+\.\d+(:\d+)?|\b\d+:\d+\b|(?<=\b)\d+(?=\b)|\b(s|min) ago"
)
"""IDs, addresses, times of the day and numbers."""


def masked(text: str) -> str:
    """In one line, without what differs from run to run."""
    words = " ".join(text.split())
    return OWN_OF_A_RUN.sub("#", words).replace("contacts", "contact").replace("voters", "voter")


def shown(heading: str) -> list[str]:
    """What stands below the prompts of that section, without the lines that stand for others."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    fenced = re.findall(r"^```\n(.*?)^```", section, re.M | re.S)
    return [
        line
        for block in fenced
        if block.startswith("$ kadisc ")
        for line in block.splitlines()
        if line.strip() not in ("", "...") and not line.startswith("$ ")
    ]


@pytest.mark.parametrize("behind", ["user/moves"], indirect=True)
def test_a_user_sees_that_the_node_is_reachable_and_follows_the_cable(behind: Seen) -> None:
    assert behind["took_s"] < 100  # 20 s are meant
    assert behind["stranger"]
    assert behind["stranger after"]
    first, second = behind["addresses"]
    for name, outside in (("before", first), ("after", second)):
        assert f"yes, at {outside}" in behind[name]["status"]
        assert outside in behind[name]["record"]
        assert "port 6881 mapped by PCP" in behind[name]["status"]
        assert f"strangers reach this node at {outside}" in " ".join(behind[name]["doctor"].split())


@pytest.mark.parametrize("behind", ["user/moves"], indirect=True)
@pytest.mark.parametrize("heading", ["A router that maps ports", "Moving to another network"])
def test_the_page_shows_what_the_commands_print(behind: Seen, heading: str) -> None:
    """Every line of its outputs, apart from what is a run's own."""
    printed = masked(
        "\n".join(text for name in ("before", "after") for text in behind[name].values())
    )
    lines = shown(heading)
    assert len(lines) > 4
    missing = [line for line in lines if masked(line) not in printed]
    assert not missing, printed
