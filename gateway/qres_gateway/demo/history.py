# SPDX-License-Identifier: Apache-2.0
"""A virtual field's past, put into a gateway's store as if the gateway had been listening."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qres_gateway.demo.live_field import frames_until
from qres_gateway.demo.timeline import Timeline
from qres_gateway.field_rules import rules_for
from qres_gateway.replay.run import replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qres.site import Site
    from qres.virtual.looped import LoopedField
    from qres_gateway.sources.base import RawFrame

__all__ = ["make_history"]


@dataclass(slots=True)
class _Past:
    """The frames of *field* before *end_us*, as a capture."""

    field: LoopedField
    site: Site
    path: Path
    end_us: int
    until_us: int | None
    kind: str = "virtual field"
    frames: int = 0

    @property
    def refused(self) -> Counter[str]:
        """Nothing is."""
        return Counter()

    def __iter__(self) -> Iterator[RawFrame]:
        """Every frame that the receiver hears."""
        for frame in frames_until(self.field, self.site, self.end_us):
            self.frames += 1
            yield frame


class _Quiet:
    def added(self, frames: int) -> None:
        """Nobody watches."""

    def folded(self, rows: int, of: int) -> None:
        """Nobody watches."""


def make_history(
    field: LoopedField, site: Site, key: bytes, store: Path, start_us: int, until_us: int
) -> tuple[Timeline, int]:
    """
    Put what *field* said until *until_us* into *store*.

    Args:
        field: Not run yet; it begins at *start_us*.
        site: Its site.
        key: Field key. [16 bytes]
        store: The gateway's database, or a path for a new one; no gateway may be using it.
        start_us: Beginning of the field. [us since the Unix epoch]
        until_us: Phases that end by then. [us]

    Returns:
        The timeline with which the field goes on from there, and the number of frames.

    Raises:
        FrameLogError: The store is in use (`StoreBusyError`), or cannot be read or written.
    """
    end_us = until_us - until_us % site.phase_us
    past = _Past(field, site, store, end_us, end_us - 1)  # the phase that begins then is not heard
    replay([past], store, site, rules_for(site, key), _Quiet())
    return Timeline(start_us, field.now_us), past.frames
