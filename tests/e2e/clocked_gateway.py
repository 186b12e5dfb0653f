# SPDX-License-Identifier: Apache-2.0
"""
`qres` with a clock that a test sets; everything else is the real command.

Called as `python -m tests.e2e.clocked_gateway CLOCK_FILE gateway ...`. The file holds one integer
of 8 bytes, little-endian: microseconds since the Unix epoch, for both clocks of the gateway.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import qres_gateway.cli.gateway
from qres_gateway.cli import main
from qres_gateway.sources.base import Instant


class FileClock:
    """
    A clock that stands still until somebody writes another time into its file.

    Args:
        path: The file; made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 8)

    def now(self) -> Instant:
        """As `Clock`."""
        now_us = int.from_bytes(self._memory[:8], "little")
        return Instant(now_us, now_us)

    def set(self, now_us: int) -> None:
        """It is *now_us*, for everybody who has the file."""
        self._memory[:8] = now_us.to_bytes(8, "little")


if __name__ == "__main__":
    clock = FileClock(Path(sys.argv[1]))
    setattr(qres_gateway.cli.gateway, "SystemClock", lambda: clock)  # noqa: B010  mypy would object
    main(sys.argv[2:])
