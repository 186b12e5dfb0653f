# SPDX-License-Identifier: Apache-2.0
"""A field of core nodes that talk to each other, with a caller that decides who hears what."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qres.channels import Q16_MISSING
from qres.core import Action, Do, Field, Node, Replica
from qres.site import Site, SiteNode
from qres.tolerance import Tolerance

__all__ = ["KEY", "Hears", "Sent", "TalkingField", "everybody", "nobody", "site_of", "start_of_day"]

KEY: Final = bytes(range(16))
"""A field key for tests: no real field may use it."""

DAY: Final = 20_000
"""Number of the UTC day at whose start the fields of these tests begin, if not told otherwise."""

_LOST: Final = 40  # polls of one phase after which a node is taken to be stuck


class Sent(NamedTuple):
    """One frame on air, in true time; *sender* is the row of the sending node."""

    sender: int
    kind: str
    phase: int
    frame: bytes
    start_us: int
    end_us: int


Hears = Callable[[Sent, int], bool]
"""Whether a frame reaches the receiver with that row."""


def everybody(_sent: Sent, _receiver: int) -> bool:
    """Every frame reaches everybody."""
    return True


def nobody(_sent: Sent, _receiver: int) -> bool:
    """No frame reaches anybody."""
    return False


def site_of(
    n: int,
    *,
    epoch_s: int = 3600,
    seed: int = 1,
    field_id: int = 0x51524553,
    tolerance: str = "standard",
    echo: bool = False,
) -> Site:
    """A site of *n* nodes at chance places within some 30 km, at SF7."""
    rng = np.random.default_rng([seed, n])
    nodes = tuple(
        SiteNode(i, f"node {i}", 51.0 + lat, 4.0 + lon, elev)
        for i, (lat, lon, elev) in enumerate(rng.uniform(0, [0.3, 0.4, 300.0], (n, 3)).tolist())
    )
    return Site(
        name="talking field",
        field_id=field_id,
        region="EU868",
        freq_hz=869_525_000,
        sf=7,
        bw_hz=125_000,
        cr="4/5",
        preamble_symbols=8,
        tx_power_dbm=14,
        epoch_s=epoch_s,
        range_m=20_000,
        tolerance=Tolerance.of(tolerance),
        nodes=nodes,
        key_file=Path("field.key"),
        echo=echo,
    )


def start_of_day(site: Site, day: int = DAY) -> int:
    """The first phase of a UTC day."""
    return day * 4 * 86_400 // site.epoch_s


class TalkingField:
    """
    The nodes of a site on an air without collisions.

    Args:
        site: The field.
        first_phase: First phase that the nodes commit.
        seed: The weather follows from it.
        lively: How much the weather moves in an epoch, in tolerances; 0 for none at all.
        key: Field key. [16 bytes]

    Attributes:
        nodes: By row; None for a node that is off.
        offset_us: By row, how much a node's clock is fast. [us]
        phase: The phase that `run_phase` runs next.
    """

    def __init__(
        self,
        site: Site,
        first_phase: int,
        *,
        seed: int = 1,
        lively: float = 0.6,
        key: bytes = KEY,
    ) -> None:
        self.field = Field(site)
        self.site = site
        self.key = key
        self.phase = first_phase
        n = len(site.nodes)
        self.nodes: list[Node | None] = [
            Node(self.field, key, i, first_phase=first_phase) for i in range(n)
        ]
        self.offset_us = [0] * n
        self._rng = np.random.default_rng([seed, 0x57EA])
        self._tol = site.tolerance.values_q16().astype(np.int64)
        self._x = np.tile([18 << 16, 60 << 16, 3 << 16, 0], (n, 1)).astype(np.int64)
        self._lively = lively

    @property
    def now_us(self) -> int:
        """True time at which the next phase starts. [us]"""
        return self.phase * self.field.phase_us

    @property
    def commit_us(self) -> int:
        """True time at which the next phase is committed. [us]"""
        return self.now_us + self.field.commit_us

    @property
    def present(self) -> list[Node]:
        """The nodes that are on."""
        return [node for node in self.nodes if node is not None]

    @property
    def digests(self) -> set[int]:
        """Digests of the nodes that are on; one alone if they agree."""
        return {node.digest for node in self.present}

    def weather(self) -> NDArray[np.int32]:
        """Samples of the next phase, shape (nodes, channels): a walk that the field shares."""
        n, channels = self._x.shape
        shared = self._rng.normal(0.0, 1.0, (1, channels))
        own = self._rng.normal(0.0, 0.5, (n, channels))
        self._x += np.round((shared + own) * self._lively * self._tol / 2.0).astype(np.int64)
        self._x[:, 3] = np.maximum.accumulate(np.stack([self._x[:, 3] * 0, self._x[:, 3]]))[-1]
        bounds = np.array([[-40, 60], [5, 100], [0, 40], [0, 5000]]) * 65536
        self._x = np.clip(self._x, bounds[:, 0], bounds[:, 1])
        return self._x.astype(np.int32)

    def run_phase(
        self,
        hears: Hears = everybody,
        *,
        listeners: Iterable[Replica] = (),
        missed: Iterable[int] = (),
    ) -> list[Sent]:
        """
        Run the next phase to its commit on every node and return what was on air, in order.

        Args:
            hears: Who hears what.
            listeners: Replicas without a slot; they hear everything and commit in time.
            missed: Rows of the nodes whose sensors deliver nothing.
        """
        samples = self.weather()
        for i in missed:
            samples[i] = Q16_MISSING
        sent = [
            s for i, node in enumerate(self.nodes) if node for s in self._open(i, node, samples)
        ]
        sent.sort(key=lambda s: (s.end_us, s.sender))
        for s in sent:
            for i, node in enumerate(self.nodes):
                if node is not None and i != s.sender and hears(s, i):
                    node.heard(s.frame, s.end_us + self.offset_us[i])
            for replica in listeners:
                replica.advance(s.end_us)
                replica.hear(s.frame, s.end_us)
        self.close_phase()
        for replica in listeners:
            replica.advance(self.now_us)
        return sent

    def close_phase(self) -> None:
        """Let every node commit what is due before the next phase starts."""
        self.phase += 1
        for i, node in enumerate(self.nodes):
            if node is not None:
                self.advance(i, node, self.now_us - 1)

    def advance(self, row: int, node: Node, true_us: int) -> None:
        """Let a node commit all that is due by *true_us*."""
        while node.next(true_us + self.offset_us[row]).do == Do.COMMITTED:
            pass

    def _open(self, row: int, node: Node, samples: NDArray[np.int32]) -> list[Sent]:
        """What a node sends in the phase that starts now."""
        sent: list[Sent] = []
        now_us = self.now_us + self.offset_us[row]
        for _ in range(_LOST):
            a = node.next(now_us)
            if a.do == Do.SAMPLE:
                node.sample(samples[row])
            elif a.do == Do.TRANSMIT:
                sent.append(self._sent(row, a))
            elif a.do == Do.SLEEP and a.until_us < self.commit_us + self.offset_us[row]:
                now_us = a.until_us
            elif a.do != Do.COMMITTED:
                return sent
        raise RuntimeError(f"node {row} does not settle in phase {self.phase}")

    def _sent(self, row: int, a: Action) -> Sent:
        start_us = a.from_us - self.offset_us[row]
        end_us = start_us + a.until_us - a.from_us
        return Sent(row, a.frame_kind, a.phase, a.frame, start_us, end_us)
