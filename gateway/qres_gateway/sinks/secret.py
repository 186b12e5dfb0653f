# SPDX-License-Identifier: Apache-2.0
"""Secrets from files: never an argument, never an environment variable, never in a log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from qres_gateway.sinks.errors import SinkSettingsError

__all__ = ["credential", "read_secret"]

_MOST_BYTES: Final = 4_096


def credential(name: str) -> Path | None:
    """The file of a systemd credential, if the service was given one of that name."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder, name) if folder else None
    return path if path is not None and path.is_file() else None


def read_secret(path: Path, option: str) -> str:
    """
    The text of a file without space around it.

    Args:
        path: The file.
        option: What named it, for the error.

    Raises:
        SinkSettingsError: It cannot be read, is empty, too long or not ASCII. The text never has
            any of its contents.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SinkSettingsError(f"{option} {path}: cannot be read: {error.strerror}") from error
    if len(raw) > _MOST_BYTES:
        raise SinkSettingsError(f"{option} {path}: must be at most {_MOST_BYTES} bytes long")
    if not raw.isascii() or not raw.strip():
        raise SinkSettingsError(f"{option} {path}: must hold ASCII text and not be empty")
    return raw.decode("ascii").strip()
