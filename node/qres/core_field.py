# SPDX-License-Identifier: Apache-2.0
"""A site made ready for the C core: derived tables, shared by all replicas of a process."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from qres._core import ffi, lib
from qres.errors import RangeError
from qres.site import Site, phases, slot_ranks, xyz_m

__all__ = ["Field"]

_ROLE_SHIFT: Final = 2  # flags bits 2..4, SPEC 2.1


class Field:
    """
    What all replicas of a site share: timing, form sizes, the kernel, the site's hash.

    Args:
        site: The field.
        predicts: False for the send-on-delta baseline: every channel is held at its last
            reported value, and nothing else of the protocol changes.

    Raises:
        RangeError: The core refuses the site; the text is the rule of SPEC 2 that it breaks.
    """

    def __init__(self, site: Site, *, predicts: bool = True) -> None:
        self.site = site
        self.ids = site.ids
        self.c: Any = ffi.new("qres_field *")
        described = _site_struct(site, predicts=predicts)
        code = lib.qres_field_init(self.c, described)
        if code != 0:
            problem = lib.qres_site_problem(described)
            text = "a phase is too short for its slots at this data rate"
            if problem != ffi.NULL:
                text = ffi.string(problem).decode()
            raise RangeError("site", site.name, text)

    @property
    def phase_us(self) -> int:
        """Length of a phase. [us]"""
        return int(self.c.phase_us)

    @property
    def commit_us(self) -> int:
        """From a phase's start to its commit. [us]"""
        return int(self.c.commit_us)

    @property
    def site_hash(self) -> int:
        """32 bits over everything that members must agree on."""
        return int(self.c.site_hash)

    def phase_at(self, time_us: int) -> int:
        """Number of the phase in which *time_us* lies."""
        return time_us // self.phase_us

    def airtime_us(self, n_bytes: int) -> int:
        """Time on air of a frame of 0..51 bytes. [us]"""
        return int(self.c.airtime_us[n_bytes])


def _site_struct(site: Site, *, predicts: bool) -> Any:
    s = ffi.new("qres_site *")
    s.field_id, s.epoch_s, s.range_m = site.field_id, site.epoch_s, site.range_m
    s.echo, s.follow = site.echo, site.follow
    s.n_relays = len(site.relays)
    for i, node_id in enumerate(site.relays):
        s.relay[i] = site.ids.index(node_id)
    s.lora.sf, s.lora.bw_hz, s.lora.cr = site.sf, site.bw_hz, int(site.cr[-1]) - 4
    s.lora.preamble_symbols, s.lora.crc, s.lora.implicit_header = site.preamble_symbols, 1, 0
    s.n_channels, s.n_members = len(site.channels), len(site.nodes)
    tolerance, steps = site.tolerance.values_q16(), site.tolerance.steps_q16()
    for number, c in enumerate(site.channels):
        ch = s.channel[number]
        ch.tol, ch.step = int(tolerance[number]), int(steps[number])
        ch.lo, ch.hi = round(c.lower * 65536), round(c.upper * 65536)
        ch.rho = int(np.floor(c.rho * 65536 + 0.5))
        ch.flags = lib.QRES_LINEAR * (c.is_linear and predicts) | lib.QRES_PRIMARY * c.is_primary
        ch.flags |= c.role << _ROLE_SHIFT
        for k, w in enumerate(c.w0):
            ch.w0[k] = int(np.floor(w * 2**24 + 0.5))
    at, phase, slot = xyz_m(site), phases(site), slot_ranks(site)
    for i, node in enumerate(site.nodes):
        m = s.member[i]
        m.id, m.phase, m.slot = node.id, int(phase[i]), int(slot[i])
        m.x_m, m.y_m, m.z_m = (int(v) for v in at[i])
    return s
