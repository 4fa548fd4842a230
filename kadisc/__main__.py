"""``python -m kadisc`` is the command line; without a command it runs a node."""

from __future__ import annotations

import sys


def main() -> int:
    try:
        # Imported here, so that a Ctrl-C during the imports ends without a traceback too.
        from .cli.main import main as command_line

        return command_line()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
