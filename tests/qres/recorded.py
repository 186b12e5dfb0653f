# SPDX-License-Identifier: Apache-2.0
"""Where the recorded weather is that may not be part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.sources import ROOT


def recorded(name: str) -> Path:
    """The file *name* of recorded weather; skips the test, saying so, where it is absent."""
    folder = Path(os.environ.get("QRES_DATA", ROOT.parent / "shared" / "data"))
    path = folder / name
    if not path.is_file():
        pytest.skip(f"{name} is not here: set QRES_DATA to the folder that has it")
    return path
