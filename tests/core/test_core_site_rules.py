# SPDX-License-Identifier: Apache-2.0
"""The core refuses each site that SPEC 2 does not admit, and says why."""

from __future__ import annotations

from typing import Any

import pytest

from qres._core import ffi, lib
from qres.core import Field
from tests.core.talking_field import KEY, site_of

W_LEVEL = 15_938_355  # 0.95 in Q24, SPEC 5.2
W_DIURNAL = 33_554_432  # 2 in Q24

# Where in qres_site, a value that is just admitted, one that is not, a word of the reason.
RULES = [
    ("n_channels", 4, 7, "channels"),
    ("n_channels", 1, 0, "channels"),
    ("n_members", 10, 129, "members"),
    ("n_members", 10, 0, "members"),
    ("epoch_s", 300, 299, "epoch_s"),
    ("epoch_s", 3600, 7200, "epoch_s"),
    ("epoch_s", 3600, 3000, "epoch_s"),  # does not divide a day
    ("epoch_s", 1800, 1350, "epoch_s"),  # not divisible by 4
    ("range_m", 1000, 999, "range_m"),
    ("range_m", 1_000_000, 1_000_001, "range_m"),
    ("echo", 1, 2, "echo"),
    ("lora.sf", 7, 6, "sf"),
    ("lora.sf", 9, 13, "sf"),
    ("lora.cr", 4, 5, "cr"),
    ("lora.preamble_symbols", 6, 5, "preamble"),
    ("lora.crc", 1, 0, "CRC"),
    ("lora.implicit_header", 0, 1, "header"),
    ("channel.0.tol", 1 << 24, (1 << 24) + 1, "tol"),
    ("channel.0.tol", 1 << 16, 0, "tol"),
    ("channel.0.step", 1, 0, "step"),
    ("channel.0.step", 32768, 32769, "step"),  # half of the tolerance
    ("channel.0.lo", -(1 << 30), -(1 << 30) - 1, "range"),
    ("channel.0.hi", 1 << 30, (1 << 30) + 1, "range"),
    ("channel.1.lo", (100 << 16) - 1, 100 << 16, "range"),
    ("channel.0.rho", 65536, 65537, "rho"),
    ("channel.0.rho", 0, -1, "rho"),
    ("channel.0.flags", 3, 23, "flags"),
    ("channel.0.flags", 3, 32, "flags"),
    ("channel.0.flags", 3, 11, "same role"),
    ("follow", 1, 2, "follow"),
    ("channel.0.w0.0", W_LEVEL, W_LEVEL + 1, "weights"),
    ("channel.0.w0.1", 0, -1, "weights"),
    ("channel.0.w0.2", -W_DIURNAL, -W_DIURNAL - 1, "weights"),
    ("channel.0.w0.3", W_DIURNAL, W_DIURNAL + 1, "weights"),
    ("member.9.id", 127, 128, "id"),
    ("member.3.id", 3, 2, "sorted"),
    ("member.0.x_m", 1_000_000, 1_000_001, "position"),
    ("member.0.z_m", -1_000_000, -1_000_001, "position"),
    ("n_relays", 8, 9, "8 relays"),
    ("relay.7", 9, 10, "no member"),
    ("relay.0", 0, 255, "no member"),
    ("relay.7", 9, 0, "relay twice"),
]


def site() -> Any:
    """A valid site of ten nodes, eight of them relays, as the core takes it."""
    copy = ffi.new("qres_site *")
    ffi.memmove(copy, ffi.addressof(Field(site_of(10)).c.site), ffi.sizeof("qres_site"))
    copy.n_relays, copy.relay = 8, list(range(8))
    return copy


def put(target: Any, where: str, value: int) -> None:
    """Set the member of a structure that *where* names, steps joined by dots."""
    *steps, last = where.split(".")
    for step in steps:
        target = target[int(step)] if step.isdigit() else getattr(target, step)
    if last.isdigit():
        target[int(last)] = value
    else:
        setattr(target, last, value)


def problem(s: Any) -> str:
    """What the core says of a site; "" if nothing."""
    said = lib.qres_site_problem(s)
    return "" if said == ffi.NULL else ffi.string(said).decode()


@pytest.mark.parametrize(("where", "good", "bad", "word"), RULES)
def test_rule_holds_at_its_bound_and_not_beyond(where: str, good: int, bad: int, word: str) -> None:
    """A number at its limit is admitted; beyond it the site is refused, and the reason names it."""
    s = site()
    put(s, where, good)
    assert problem(s) == ""
    put(s, where, bad)
    assert word in problem(s)
    assert lib.qres_field_init(ffi.new("qres_field *"), s) == lib.QRES_ERR_INVALID


def test_slots_of_a_phase_are_unique_and_without_gap() -> None:
    """Two members in one slot, a gap, and a slot beyond the last are each refused."""
    s = site()
    first, second = (m for m in s.member[0:10] if m.phase == 3)
    first.slot, second.slot = 0, 0
    assert "share" in problem(s)
    second.slot = 2
    assert "gap" in problem(s)
    second.slot = 32
    assert "slot" in problem(s)
    second.slot = 1
    assert problem(s) == ""


@pytest.mark.parametrize(("primaries", "admitted"), [(0, False), (1, True), (4, True), (5, False)])
def test_one_to_four_channels_are_primary(primaries: int, *, admitted: bool) -> None:
    """A table needs a primary channel and has room for four in the short forms."""
    s = site()
    s.n_channels = 6
    for c in range(6):
        s.channel[c] = s.channel[0]
        s.channel[c].flags = lib.QRES_PRIMARY if c < primaries else 0
    assert ("primary" not in problem(s)) == admitted


def test_site_whose_phase_is_too_short_is_refused() -> None:
    """Where commit would come after the phase's end there is no field (SPEC 3)."""
    s = site()
    s.epoch_s, s.lora.sf, s.lora.bw_hz = 300, 12, 7_810
    assert problem(s) == ""
    assert lib.qres_field_init(ffi.new("qres_field *"), s) == lib.QRES_ERR_INVALID


def test_relays_beyond_their_number_are_not_looked_at() -> None:
    """Numbers in the list after n_relays are no relays: no rule is broken, no hash has them."""
    hashes = set()
    for rest in (0, 255):
        s = site()
        s.n_relays = 2
        s.relay = [3, 1, *([rest] * 6)]
        assert problem(s) == ""
        made = ffi.new("qres_field *")
        assert lib.qres_field_init(made, s) == 0
        hashes.add(made.site_hash)
    assert len(hashes) == 1


def test_site_whose_relay_slots_do_not_fit_is_refused() -> None:
    """A relay takes two slots of a phase; the one whose slots move commit beyond it is refused."""
    made, s = ffi.new("qres_field *"), site()
    s.lora.sf, s.lora.bw_hz = 12, 62_500
    fits = []
    for s.n_relays in range(9):
        s.epoch_s = 3600
        assert lib.qres_field_init(made, s) == 0
        commit_us = 500_000 + made.slots * made.slot_us + (1 + 2 * s.n_relays) * made.common_us
        assert made.commit_us == commit_us
        s.epoch_s = 300
        assert problem(s) == ""
        fits.append(lib.qres_field_init(made, s) == 0)
        assert fits[-1] == (commit_us < 75_000_000)
    assert (fits[0], fits[8]) == (True, False)


@pytest.mark.parametrize(
    ("change", "code"),
    [({}, 0), ({"self": 10}, -1), ({"first_phase": 0}, -1), ({"self": 255}, 0), ({"self": 9}, 0)],
)
def test_node_that_the_site_does_not_have_is_refused(change: dict[str, int], code: int) -> None:
    """qres_init takes a member's index or QRES_NO_SLOT, and a first phase above 0."""
    field = Field(site_of(10))
    config = ffi.new("qres_config *", {"self": 0, "first_phase": 1} | change)
    assert lib.qres_init(ffi.new("qres_node *"), field.c, KEY, config) == code


def test_follow_needs_temperature_and_humidity() -> None:
    """A tolerance cannot follow a danger that no channel tells of."""
    s = site()
    s.follow = 1
    assert problem(s) == ""
    s.channel[1].flags = lib.QRES_LINEAR | lib.QRES_PRIMARY
    assert "follow" in problem(s)
