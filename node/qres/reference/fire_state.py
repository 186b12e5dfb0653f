# SPDX-License-Identifier: Apache-2.0
"""The fire weather part of the replicated state (SPEC 4 and 5.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .channel import RH, TEMP
from .fire import fuel_code, fuel_of, pack, unpack
from .fixed import I64, clip, rsh
from .site import RefSite

__all__ = ["RARE_CODE_MAX", "FireState", "rare_code"]

Row = tuple[int, ...]

FUEL_START = 1_071_552
"""Moisture of litter at FFMC 84.96, which a checkpoint carries unchanged. [Q16 %]"""

SPREAD_START = 32_768
RARE_START = ((98_304, 196_608, 294_912), (163_840, 393_216, 655_360))
DAYS_MAX = 255
RARE_CODE_MAX = 32_768


@dataclass(frozen=True, eq=False)
class FireState:
    """
    What the replicas of a fire site hold beside the values, SPEC 4. Treated as a value.

    Attributes:
        days: Number of snaps with a member that was not stale, 0..255.
        regime: 0 calm, 1 watch, 2 red.
        lull: Hours in a row below the regime, 0..5.
        usual: Drying power that is usual at each 3 hours of the day, 8 numbers. [Q16]
        spread: Mean deviation from it, 8 numbers. [Q16] 1 or more
        apart: How far a member usually is from its neighbours, of temperature and of humidity,
            at each 6 hours of the day, 2 x 4 numbers. [Q16.16] 1 or more
        rare: Levels exceeded once in 10, 100, 1000 hours, of drying power and of departure. [Q16]
        fuel: Moisture of litter of each member, shape (N,). [Q16 %]
        mark: Rain of each member at the last hour, shape (N,). [Q16.16 mm]
    """

    days: int
    regime: int
    lull: int
    usual: Row
    spread: Row
    apart: tuple[Row, Row]
    rare: tuple[Row, Row]
    fuel: I64
    mark: I64

    @classmethod
    def initial(cls, site: RefSite) -> FireState:
        """The fire weather of a fire site at start."""
        tols = {channel.role: channel.tol for channel in site.channels}
        return cls(
            days=0,
            regime=0,
            lull=0,
            usual=(0,) * 8,
            spread=(SPREAD_START,) * 8,
            apart=(_repacked((tols[TEMP],) * 4), _repacked((tols[RH],) * 4)),
            rare=RARE_START,
            fuel=np.full(site.n_members, FUEL_START, dtype=np.int64),
            mark=np.zeros(site.n_members, dtype=np.int64),
        )

    def copy(self) -> FireState:
        """An independent copy."""
        return replace(self, fuel=self.fuel.copy(), mark=self.mark.copy())

    def shared_words(self) -> list[int]:
        """What all members share, in the order of the digest, SPEC 4."""
        words = [self.days, self.regime, self.lull, *self.usual, *self.spread]
        for rows in (self.apart, self.rare):
            words += [*rows[0], *rows[1]]
        return words

    def snapped(self, mark: I64, *, any_alive: bool) -> FireState:
        """
        Rounded to what a checkpoint carries, one day on, SPEC 5.3.

        Args:
            any_alive: Whether a member is not stale at the snap: only then is the day counted.
            mark: Rain of each member in the snapshot, 0 for those without, shape (N,). [Q16.16]
        """
        return replace(
            self,
            days=min(self.days + any_alive, DAYS_MAX),
            usual=tuple(clip(rsh(x, 10), -2048, 2047) * 1024 for x in self.usual),
            spread=_repacked(self.spread),
            apart=(_repacked(self.apart[0]), _repacked(self.apart[1])),
            rare=(_in_64ths(self.rare[0]), _in_64ths(self.rare[1])),
            fuel=np.array([fuel_of(fuel_code(x)) for x in self.fuel.tolist()], dtype=np.int64),
            mark=mark,
        )


def rare_code(level: int) -> int:
    """A threshold in 64ths, as a checkpoint carries it, SPEC 5.3. 1..32768"""
    return clip(rsh(level, 6), 1, RARE_CODE_MAX)


def _in_64ths(levels: Row) -> Row:
    return tuple(rare_code(x) * 64 for x in levels)


def _repacked(numbers: Row) -> Row:
    """Numbers rounded to what 8 bits carry."""
    return tuple(unpack(pack(x)) for x in numbers)
