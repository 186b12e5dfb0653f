# SPDX-License-Identifier: Apache-2.0
"""When a virtual field that outlives its process began, and how far its frames were delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec

from qres.atomic_file import write_atomic
from qres_gateway.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Timeline"]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    start_us: int
    delivered_us: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    A virtual field in time.

    Attributes:
        start_us: Beginning of its first phase. [us since the Unix epoch]
        delivered_us: Phases that began before this are done: the gateway has their frames. [us]
    """

    start_us: int
    delivered_us: int

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """
        The timeline in the file *path*; None if there is none.

        Raises:
            SourceError: The file is damaged.
            OSError: It cannot be read.
        """
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            file = msgspec.json.decode(text, type=_File)
        except msgspec.DecodeError as error:
            raise SourceError(f"timeline {path}: {error}; remove it to begin anew") from error
        return cls(file.start_us, file.delivered_us)

    def write(self, path: Path) -> None:
        """
        Keep it, whole or not at all.

        Raises:
            OSError: The folder cannot be written.
        """
        text = msgspec.json.encode(_File(self.start_us, self.delivered_us))
        write_atomic(path, text, mode=0o644, replace=True)
