# SPDX-License-Identifier: Apache-2.0
"""The project's own files, for tests about the tree itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Built, fetched or lent; never written here.
NOT_OURS = {"build", "dist", "shared", "node_modules", "__pycache__"}


def own_files(*suffixes: str, under: str = ".") -> Iterator[Path]:
    """Files below `ROOT / under` whose name ends with one of *suffixes*, sorted by folder."""
    for folder, subfolders, names in os.walk(ROOT / under):
        subfolders[:] = sorted(
            name
            for name in subfolders
            if name not in NOT_OURS and (name == ".ci" or not name.startswith("."))
        )
        for name in sorted(names):
            if name.endswith(suffixes):
                yield Path(folder) / name


def relative(path: Path) -> str:
    """*path* as a reader of the tree knows it."""
    return path.relative_to(ROOT).as_posix()
