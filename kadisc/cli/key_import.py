"""``kadisc key import``: puts a key into a state folder that has none."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from pathlib import Path

from ..errors import UsageError
from .key_show import folder_of
from .options import add_folder_options
from .output import print_json, say

SUMMARY = "put a key from a file into a state folder without one"
DESCRIPTION = (
    "Puts the key in a file into the state folder: a file of key export, any Ed25519 key in PEM "
    "(PKCS #8), or a copy of the file identity of a state folder. The folder must have no key yet, "
    "and no node may run with it: nothing is overwritten. To replace a key, stop the node, export "
    "its key, and move the files identity and state.sqlite3 away (contacts and address book are in "
    "the second)."
)
EXAMPLES = """\
examples:
  kadisc key import node.pem
  openssl genpkey -algorithm ed25519 | kadisc key import - --state-dir ./node-b"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the file with the secret; - for stdin")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    add_folder_options(parser)


def execute(options: argparse.Namespace) -> int:
    from ..net.state.key_file import decode_key
    from ..net.state.key_store import put_key

    name = "stdin" if options.file == "-" else options.file
    try:
        wanted = decode_key(content_of(options.file))
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    folder = folder_of(options)
    identity, is_new, told = put_key(folder, wanted)
    for line in told:
        say(line)
    key = identity.public_key.hex()
    if options.json:
        print_json({"public_key": key, "state_dir": folder, "new": is_new})
    elif is_new:
        say(f"{folder} has the key {key} now; no other node should run with it")
    else:
        say(f"{folder} has this key already: {key}")
    return 0


def content_of(file: str) -> bytes:
    """What is in a file with a key, or for ``-`` comes from stdin. Raises UsageError."""
    from ..net.state.key_file import MAX_KEY_FILE_BYTES

    if file == "-":
        return sys.stdin.buffer.read(MAX_KEY_FILE_BYTES + 1)
    path = Path(file)
    try:
        # The path may name a pipe that nobody writes to.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise UsageError("it is not a file; - reads stdin")
            content = opened.read(MAX_KEY_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else None
        raise UsageError(f"it cannot be read: {(words or str(error)).lower()}") from None
    if mode & 0o077:
        say(f"warning: other users may read {path}: chmod 600, or remove it after the import")
    return content
