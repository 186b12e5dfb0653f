# SPDX-License-Identifier: Apache-2.0
"""The machine: room on the disk, and the clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from qres_gateway.doctor.result import Result, fail, info, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["clock", "clock_sync", "store_folder"]

FREE_FAIL_BYTES: Final = 10_000_000
FREE_WARN_BYTES: Final = 200_000_000
"""A field of 100 nodes fills about 1.1 MB a day: 1 MB committed values and 0.1 MB frames."""
EARLIEST_YEAR: Final = 2026
"""This program did not exist before: a clock that shows less was never set."""
LATEST_YEAR: Final = 2099
_ANSWER_S: Final = 5.0


def store_folder(folder: Path) -> Iterator[Result]:
    """Whether files can be made there, and how much room there is."""
    name = "store folder"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        means = "The gateway can keep nothing there"
        fix = "Make the folder, mend its owner and mode, free space, or choose another --store"
        yield fail(name, f"{folder}: {error.strerror}", means, fix)
        return
    yield ok(name, f"{folder.absolute()} can be written")
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e6:.0f} MB free at {folder.absolute()}"
    if free < FREE_FAIL_BYTES:
        means = f"must be {FREE_FAIL_BYTES / 1e6:.0f} MB at least: frames would soon be refused"
        yield fail("free disk", found, means, "Free space, or choose another --store")
    elif free < FREE_WARN_BYTES:
        means = (
            f"Below {FREE_WARN_BYTES / 1e6:.0f} MB: a field of 100 nodes fills that in half a year"
        )
        yield warn("free disk", found, means, "Free space, or choose another --store")
    else:
        yield ok("free disk", found)


def clock(now: datetime) -> Result:
    """Whether the wall clock shows a year that can be."""
    found = f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if EARLIEST_YEAR <= now.year <= LATEST_YEAR:
        return ok("clock", found)
    return fail(
        "clock",
        found,
        f"The year must be {EARLIEST_YEAR}..{LATEST_YEAR}: frames are decoded by their time",
        "Set the clock: `date -u -s`, a battery for the real-time clock, GNSS, or NTP",
    )


def clock_sync(command: str = "timedatectl") -> Result:
    """Whether the system says that its clock is synchronised."""
    name = "clock synchronised"
    path = shutil.which(command)
    if path is None:
        return info(name, f"not known: there is no {command} here")
    try:
        run = subprocess.run(  # noqa: S603  a program of the system, no input of anybody
            [path, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True, text=True, check=False, timeout=_ANSWER_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return info(name, f"not known: {command} does not answer ({type(error).__name__})")
    said = run.stdout.strip()
    if said == "yes":
        return ok(name, "yes")
    if said == "no":
        return warn(
            name,
            "no",
            "Without GNSS at the receiver, frames are timed by this clock; some 100 ms are enough",
            "Let it synchronise (NTP), or set it by hand and check it weekly",
        )
    return info(name, f"not known: {command} says {(said or run.stderr).strip().splitlines()[:1]}")
