# SPDX-License-Identifier: Apache-2.0
"""The last resort: frames that the log would not take before the gateway had to stop.

One JSON object per line beside the log. The next start appends them to the log and then removes
the file; should it die in between, the log flags the second delivery as copies.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from qres_gateway.errors import FrameLogError
from qres_gateway.sources.base import RawFrame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_decoder = msgspec.json.Decoder(RawFrame)


def spill_path(log: Path) -> Path:
    """Where frames of this log are spilled."""
    return log.with_name(log.name + ".unsaved.jsonl")


def spill(log: Path, frames: Sequence[RawFrame]) -> Path:
    """
    Append frames to the spill file and wait until they are on the disk.

    Raises:
        FrameLogError: They could not be written; the text says how many frames are lost.
    """
    path = spill_path(log)
    try:
        with path.open("ab") as file:
            file.writelines(msgspec.json.encode(frame) + b"\n" for frame in frames)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FrameLogError(
            log, f"{len(frames)} frames are lost: {path} cannot be written ({error.strerror})"
        ) from error
    return path


def unspill(log: Path) -> tuple[list[RawFrame], int]:
    """
    Frames of an earlier spill, and how many lines were unreadable (a spill that was cut).

    Raises:
        FrameLogError: The file exists but cannot be read.
    """
    path = spill_path(log)
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise FrameLogError(log, f"{path} cannot be read ({error.strerror})") from error
    frames: list[RawFrame] = []
    unreadable = 0
    for line in lines:
        try:
            frames.append(_decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            unreadable += 1
    return frames, unreadable
