# SPDX-License-Identifier: Apache-2.0
"""For tests of flashing: esptool waits for chips that reset; mock boards need no time."""

from __future__ import annotations

import time

import pytest


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let esptool's pauses in this process pass at once."""
    monkeypatch.setattr(time, "sleep", lambda _s: None)
