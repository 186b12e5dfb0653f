# SPDX-License-Identifier: Apache-2.0
"""
A field without loss, fast: all its replicas are equal, so one state stands for all of them.

No radio, no frames, no clocks: for each phase the core decides what its members say, and commits
it. Years of hourly weather take seconds. The states are those of `qres.virtual.field.VirtualField`
without loss, digest by digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from qres._core import ffi, lib
from qres.anomaly.trace import MEMBER, WHOLE, Trace
from qres.channels import Q16_MISSING, V1, from_q16, to_q16
from qres.core import MAX_CHANNELS, Field
from qres.errors import RangeError
from qres.site import phases

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qres.site import Site
    from qres.weather_file import WeatherFile

__all__ = ["SharedField", "run"]

_TAG_BYTES: Final = 4
_BEACON_BYTES: Final = 16
_ANNOUNCEMENTS: Final = 2  # own phases in which a node that has just started reports, SPEC 6.2
_MISSED_MAX: Final = 255


class SharedField:
    """
    The one state of a field whose nodes measure recorded weather, phase by phase.

    Args:
        site: The field; row i of its nodes is station i of *weather*.
        weather: What the nodes measure, as `VirtualField` takes it.
        field: Derived tables, if the caller has them.

    Raises:
        RangeError: *weather* has not as many stations as the site has nodes.
    """

    def __init__(self, site: Site, weather: WeatherFile, field: Field | None = None) -> None:
        n = len(site.nodes)
        if weather.n_stations != n:
            raise RangeError("stations", weather.n_stations, f"must be {n}, one for each node")
        self.field = Field(site) if field is None else field
        self._field, self._phase_us = self.field.c, self.field.phase_us
        self.next_phase = -(-int(weather.time_s[0]) * 1_000_000 // self._phase_us)
        self.state: Any = ffi.new("qres_state *")
        self._scratch: Any = ffi.new("qres_scratch *")
        lib.qres_state_init(self.state, self._field, self.next_phase - 1)
        judged = np.frombuffer(
            ffi.buffer(ffi.addressof(self._scratch[0], "judged")), dtype=np.int32
        )
        self._judged = judged.reshape(MAX_CHANNELS, -1)[: len(V1)]
        of = phases(site)
        self.members = [np.flatnonzero(of == f) for f in range(4)]
        self._slots = [
            np.array([self._field.slot_member[f][s] for s in range(len(m))], dtype=np.intp)
            for f, m in enumerate(self.members)
        ]
        # The record, and after it a row in which everything is missing.
        self._samples = np.zeros((len(weather.time_s) + 1, n, MAX_CHANNELS), dtype=np.int32)
        for c in V1:
            self._samples[:-1, :, c.index] = to_q16(getattr(weather, c.name), c)
        self._samples[-1] = Q16_MISSING
        self._complete = not (self._samples[:-1] == Q16_MISSING).any()
        self._start_us = int(weather.time_s[0]) * 1_000_000
        self._cadence_us = weather.cadence_s * 1_000_000
        self._missed = np.zeros((n, MAX_CHANNELS), dtype=np.uint8)
        self._sample_at = ffi.from_buffer("int32_t[]", self._samples)
        self._missed_at = ffi.from_buffer("uint8_t[]", self._missed)
        self._rows = [m.tolist() for m in self.members]
        self._announced = [0] * n
        self._reports: Any = ffi.new("qres_report[]", max(len(m) for m in self.members))

    @property
    def digest(self) -> int:
        """32 bits over the state."""
        return int(lib.qres_state_digest(self._field, self.state))

    def _row(self, phase: int) -> int:
        """Row of the samples of *phase*: the latest record, if it is at most one cadence old."""
        last = len(self._samples) - 2
        at, since = divmod(phase * self._phase_us - self._start_us, self._cadence_us)
        if at == last + 1 and since == 0:
            return last
        return at if 0 <= at <= last else last + 1

    def measured(self, first: int, epochs: int) -> NDArray[np.float64]:
        """What nodes measure in the epochs from phase *first* on, (epochs, nodes, channels)."""
        out = np.empty((epochs, self._samples.shape[1], len(V1)), np.int32)
        for f, rows in enumerate(self.members):
            at = np.array([self._row(first + 4 * e + f) for e in range(epochs)], dtype=np.intp)
            out[:, rows] = self._samples[at[:, None], rows, : len(V1)]
        return from_q16(out)

    def run_phase(self) -> tuple[int, int]:
        """
        Decide and commit the next phase.

        Returns:
            Number of reports, and their bytes on air.
        """
        phase = self.next_phase
        row = self._row(phase)
        if not self._complete or row == len(self._samples) - 1:
            self._count_misses(row, phase % 4)
        first = row * self._samples.shape[1]
        n_bytes = n = 0
        for i in self._rows[phase % 4]:
            say = lib.qres_decide
            if self._announced[i] < _ANNOUNCEMENTS:
                self._announced[i] += 1
                say = lib.qres_announce
            size = say(
                self._field,
                self.state,
                i,
                self._sample_at + MAX_CHANNELS * (first + i),
                self._missed_at + MAX_CHANNELS * i,
                self._reports + n,
            )
            if size > 0:
                n_bytes += size + _TAG_BYTES
                n += 1
        lib.qres_commit(self._field, self._scratch, self.state, self._reports, n)
        self.next_phase += 1
        return n, n_bytes

    def held(self, out: NDArray[np.int32]) -> None:
        """Put what the members of the phase just committed hold into *out*, (nodes, channels)."""
        rows = self._slots[(self.next_phase - 1) % 4]
        out[rows] = self._judged[:, : len(rows)].T

    def _count_misses(self, row: int, position: int) -> None:
        members = self.members[position]
        lost = self._samples[row, members] == Q16_MISSING
        more = np.minimum(self._missed[members], _MISSED_MAX - 1) + 1
        self._missed[members] = np.where(lost, more, 0)

    def checkpoint_bytes(self) -> int:
        """Bytes on air of the checkpoint of this state, at the end of an era."""
        blob = ffi.new("uint8_t[]", lib.QRES_BLOB_MAX)
        size = lib.qres_blob_encode(self._field, self.state, blob, lib.QRES_BLOB_MAX)
        pieces = lib.qres_fragment_sources(size)
        fragments = pieces + lib.qres_fragment_parities(size)
        return int(fragments * (-(-size // pieces) + 3 + _TAG_BYTES))


def run(
    site: Site,
    weather: WeatherFile,
    epochs: int | None = None,
    progress: Callable[[int], None] | None = None,
    field: Field | None = None,
) -> Trace:
    """
    Run a field through recorded weather.

    Args:
        site: The field; row i of its nodes is station i of *weather*.
        weather: The record; it must begin with an epoch.
        epochs: How many; None for all of the record.
        progress: Called after each era with the number of epochs done.
        field: Derived tables, if the caller has them.

    Raises:
        RangeError: *weather* does not fit the site, or begins amid an epoch.
    """
    shared = SharedField(site, weather, field)
    first = shared.next_phase
    if first % 4:
        raise RangeError("time_s", int(weather.time_s[0]), f"must be a multiple of {site.epoch_s}")
    span_s = int(weather.time_s[-1] - weather.time_s[0]) + weather.cadence_s
    epochs = span_s // site.epoch_s if epochs is None else epochs
    n, total = len(site.nodes), 4 * epochs
    node, whole = np.zeros((total, n), MEMBER), np.zeros(total, WHOLE)
    node_at = ffi.from_buffer("qres_fire_member[]", node)
    whole_at = ffi.from_buffer("qres_fire_field[]", whole)
    held = np.zeros((epochs, n, len(V1)), np.int32)
    said = []
    per_day, beacon = int(shared.field.c.phases_per_day), int(shared.field.c.beacon_phases)
    fixed_bytes = _BEACON_BYTES * sum((first + k) % beacon == 0 for k in range(total))
    for k in range(total):
        said.append(shared.run_phase())
        lib.qres_judge(shared.field.c, shared.state, node_at + k * n, whole_at + k)
        shared.held(held[k // 4])
        if shared.next_phase % per_day == 0:
            fixed_bytes += shared.checkpoint_bytes()
            if progress is not None:
                progress(k // 4 + 1)
    reports = np.array(said, dtype=np.int64).reshape(-1, 2)
    return Trace(
        first_phase=first,
        epoch_s=site.epoch_s,
        position=phases(site),
        node=node,
        whole=whole,
        measured=shared.measured(first, epochs),
        held=from_q16(held),
        reports=reports[:, 0],
        report_bytes=reports[:, 1],
        fixed_bytes=fixed_bytes,
    )
