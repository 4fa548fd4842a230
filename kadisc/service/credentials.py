"""Secrets that the service manager gives in files: systemd's ``LoadCredential=``.

systemd names their folder in ``CREDENTIALS_DIRECTORY``. Names begin with ``kadisc.``, so that those
of another service, which a program of it hands on with its environment, are not taken for ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ..errors import UsageError

VARIABLE: Final = "CREDENTIALS_DIRECTORY"
KEY: Final = "kadisc.key"
"""The node's key, as of `kadisc key export`."""
METRICS_TOKEN: Final = "kadisc.metrics-token"
"""As of ``--metrics-token``."""
RPC_PASSWORD: Final = "kadisc.rpc-password"
"""As of ``--rpc-password-file``."""


def credential(name: str, variables: Mapping[str, str] = os.environ) -> Path | None:
    """The file of a credential; None where none of this name was given. Raises UsageError where it
    cannot be looked for.
    """
    folder = variables.get(VARIABLE)
    if not folder:
        return None
    path = Path(folder) / name
    try:
        path.stat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else None
        raise UsageError(f"{VARIABLE}: {path}: {(words or str(error)).lower()}") from None
    return path
