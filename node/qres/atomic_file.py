# SPDX-License-Identifier: Apache-2.0
"""Write a small file so that it is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["write_atomic"]


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644, replace: bool = False) -> None:
    """
    Write *data* to *path*; a crash or Ctrl-C at any moment leaves the old state or the new one.

    Args:
        path: The file; its folder must exist.
        data: Whole content.
        mode: Permissions of the file. [octal]
        replace: Whether an existing file may be replaced.

    Raises:
        FileExistsError: *path* exists and *replace* is false.
        OSError: The folder is absent or read-only, the disk is full, and the like.
    """
    if not replace and os.path.lexists(path):
        raise FileExistsError(f"{path} exists already")
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600 from birth
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
