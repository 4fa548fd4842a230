"""``kadisc key export``: writes the secret of a node's key into a file."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from pathlib import Path

from ..errors import UsageError
from .key_show import folder_of
from .options import add_folder_options
from .output import print_json, say, show_text

SUMMARY = "write the secret of the key into a file"
DESCRIPTION = (
    "Writes the secret of the key in the state folder into a new file that only its owner may read "
    "(mode 0600), in PEM (PKCS #8), as openssl reads it. Without FILE it goes to stdout, if that "
    "is a pipe, or a file that no other user may read."
)
EXAMPLES = """\
examples:
  kadisc key export node.pem
  kadisc key export | gpg --encrypt --recipient me > node.pem.gpg"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="a file that does not exist yet")
    parser.add_argument(
        "--show-secret", action="store_true", help="print the secret on a terminal as well"
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON: the public key, and FILE or the secret"
    )
    add_folder_options(parser)


def execute(options: argparse.Namespace) -> int:
    from ..net.state.key_file import encode_key
    from ..net.state.key_store import read_key

    if options.file is None and not options.show_secret:
        _check_stdout()
    identity = read_key(folder_of(options)).identity
    text, key = encode_key(identity.seed), identity.public_key.hex()
    if options.file is not None:
        _write(Path(options.file), text)
        if options.json:
            print_json({"public_key": key, "file": options.file})
        else:
            say(f"the secret of the key {key} is in {options.file}")
    elif options.json:
        print_json({"public_key": key, "pem": text})
    else:
        show_text(text.rstrip("\n"))
    return 0


def _check_stdout() -> None:
    """Raises UsageError where others may see what is printed."""
    if sys.stdout.isatty():
        raise UsageError(
            "a terminal may be seen and recorded: name a FILE for the secret, or add --show-secret"
        )
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        return  # no file of the system
    if stat.S_ISREG(mode) and mode & 0o077:
        raise UsageError(
            "others may read the file that stdout leads to: kadisc key export FILE makes one that"
            " only its owner may read"
        )


def _write(path: Path, text: str) -> None:
    """Makes a file, and leaves none that is not whole. Raises UsageError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        handle = os.open(path, flags, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists, and no file is overwritten: name another one") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be made: {_reason(error)}") from None
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o600)  # whatever the umask is
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) else None
    return (words or str(error)).lower()
