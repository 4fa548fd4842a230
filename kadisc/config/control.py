"""The control socket."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import Commands, Form, Heading, HoldsFor, Option, setting, switch


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """Who may use the control socket of `kadisc run` beside the user that runs it."""

    group: str | None = setting(
        None,
        Form.GROUP,
        "Members of this group may open the control socket, and call the methods that change"
        " nothing. The state folder and the socket are given to the group; without it they are the"
        " user's alone.",
        option=Option(
            Commands.RUN,
            "GROUP",
            "let members of this group use the control socket, read-only",
            heading=Heading.FILES,
            name="control-group",
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
    group_writes: bool = switch(
        False,
        "Members of ``group`` may call all methods.",
        option=Option(
            Commands.RUN,
            help="let members of that group call all methods of the control socket",
            heading=Heading.FILES,
            name="control-group-writes",
        ),
        holds_for=HoldsFor.THE_LASTING_NODE,
    )
