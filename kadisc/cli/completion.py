"""``kadisc completion``: prints the script by which a shell completes commands and options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from .output import show_text

SUMMARY = "print a script that completes commands and options in a shell"
DESCRIPTION = (
    "Prints a script for a shell, after which Tab completes the commands of kadisc, their options, "
    "the words that an option takes, files and folders. The scripts are also installed below "
    "share/ of the Python environment, where shells find them if that is /usr or /usr/local."
)
EXAMPLES = """\
examples:
  kadisc completion bash > ~/.kadisc.bash   source it in ~/.bashrc
  kadisc completion zsh > ~/.zfunc/_kadisc  ~/.zfunc is in fpath before compinit
  kadisc completion fish > ~/.config/fish/completions/kadisc.fish
  kadisc completion tcsh > ~/.kadisc.tcsh   source it in ~/.tcshrc
  kadisc completion powershell >> $PROFILE"""

FOLDER: Final = Path(__file__).parent / "generated"
"""Its files are made by scripts/shell_files.py."""
FILES: Final = {
    "bash": "kadisc.bash",
    "zsh": "_kadisc",
    "fish": "kadisc.fish",
    "tcsh": "kadisc.tcsh",
    "powershell": "kadisc.ps1",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=tuple(FILES), help=" ".join(FILES))
    parser.add_argument(
        "--json", action="store_true", help="print the script as a text in a JSON document"
    )


def execute(options: argparse.Namespace) -> int:
    from .output import print_json

    script = (FOLDER / FILES[options.shell]).read_text("utf-8")
    if options.json:
        print_json({"shell": options.shell, "script": script})
    else:
        show_text(script.rstrip("\n"))
    return 0
