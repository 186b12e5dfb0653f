# SPDX-License-Identifier: Apache-2.0
"""A node's day: radio windows against the core's own, units, and the tables."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres.channels import Q16_MISSING
from qres.core import Do, Field, Node
from qres.errors import RangeError
from qres.plan.airtime import plan_airtime
from qres.plan.currents import (
    ALWAYS,
    BOARDS,
    CONTACT,
    DIVIDER,
    MCUS,
    RADIOS,
    SX1262,
    Current,
    tx_current,
)
from qres.plan.gauges import NONE, Gauges
from qres.plan.load import Line, Sleep, node_day
from qres.region import region
from qres.site import Site, SiteNode
from tests.qres.test_site import make_site
from tests.sources import ROOT

KEY = bytes(range(16))


def site_of(n: int) -> Site:
    """A field of *n* nodes on a line."""
    return make_site([SiteNode(i, f"n{i}", 44 + i / 500, -120.0, 800.0) for i in range(n)])


def test_vendor_table_of_sending() -> None:
    """TX currents are those of the vendor's file: source Semtech SWL2001, read 2026-11-22."""
    vendor = {0: 40_600, 5: 54_100, 10: 70_500, 14: 89_300, 17: 95_400, 20: 103_800, 22: 117_900}
    assert {dbm: tx_current(dbm).ua for dbm in vendor} == vendor
    assert (tx_current(-9).ua, SX1262["rx"].ua, SX1262["rx boosted"].ua) == (24_000, 4_600, 5_300)
    with pytest.raises(RangeError, match=r"tx_power_dbm = 23: must be -9..22"):
        tx_current(23)


def test_sx1276_sends_through_its_amplifier() -> None:
    """87 mA up to 17 dBm and 120 mA up to 20 by its data sheet; never less than an SX1262's."""
    assert [tx_current(dbm, "sx1276").ua for dbm in (2, 14, 17, 18, 20)] == [
        *(87_000, 87_000, 87_000, 120_000, 120_000),
    ]
    for dbm in (1, 21):
        with pytest.raises(RangeError, match=rf"tx_power_dbm = {dbm}: must be 2..20, the SX1276"):
            tx_current(dbm, "sx1276")


def test_every_current_names_its_source() -> None:
    """No number without a source, and the boards' processors are known."""
    found = [CONTACT, DIVIDER, *ALWAYS.values(), *(b.floor for b in BOARDS.values())]
    found += [c for radio in RADIOS.values() for c in radio.values()]
    found += [c for m in MCUS.values() for c in (m.active, m.light, m.deep)]
    assert all(len(c.source) > 10 and c.ua > 0 for c in found)
    assert {b.mcu for b in BOARDS.values()} <= set(MCUS)
    assert not Current(1, "[unverified] guess").is_verified
    assert SX1262["rx"].is_verified


def test_boards_are_those_of_the_firmware() -> None:
    """Every board of the firmware has its currents here: same processor, radio, wind pin."""
    files = sorted((ROOT / "firmware/boards").glob("*.toml"))
    told = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in files}
    assert told
    expected = {name: (x["target"], x["radio"], "wind" in x["kit"]) for name, x in told.items()}
    known = {name: BOARDS[name] for name in expected}
    assert {n: (b.mcu, b.radio, b.has_wind_pin) for n, b in known.items()} == expected


@pytest.mark.parametrize("n", [1, 9, 28])
def test_windows_are_those_of_the_core(n: int) -> None:
    """Seconds of listening a day equal what the C core asks of a silent node over two epochs."""
    site = site_of(n)
    field = Field(site)
    node = Node(field, KEY, site.ids[0], first_phase=800_000)
    now_us = 800_000 * field.phase_us
    end_us = now_us + 8 * field.phase_us
    listened = 0
    while now_us < end_us:
        action = node.next(now_us)
        if action.do == Do.SAMPLE:
            node.sample([Q16_MISSING] * 4)
        elif action.do == Do.LISTEN:
            until = min(action.until_us, end_us)
            listened += until - max(now_us, action.from_us)
            now_us = until
        elif action.do == Do.TRANSMIT:
            node.not_sent()
        elif action.do == Do.SLEEP:
            now_us = action.until_us
    per_day_s = listened / 1e6 * 86_400e6 / (8 * field.phase_us)
    day = node_day(site, "heltec-v3", reports_per_hour=0.0)
    sent_s = sum(x.seconds for x in day.lines if x.what == "send")
    assert day.listen_s + sent_s == pytest.approx(per_day_s, rel=0.02)


def test_units() -> None:
    """1 mA for an hour is 1 mAh; at 3.6 V that is 3.6 mWh; a day's hours are all accounted for."""
    assert Line("x", Current(1000, "by definition"), 3600).mah == 1.0
    still = Gauges(anemometer=NONE)
    day = node_day(site_of(28), "heltec-v3", gauges=still)
    assert day.wh(3.6) == pytest.approx(day.mah * 3.6e-3)
    windy = {x.what: x.seconds for x in node_day(site_of(28), "heltec-v3").lines}
    assert windy["anemometer wake-ups"] > 100
    seconds = {x.what: x.seconds for x in day.lines}
    for one in (seconds, windy):
        parts = ("processor awake", "anemometer wake-ups", "processor in light sleep")
        assert sum(one.get(part, 0) for part in parts) == pytest.approx(86_400)
    radio = seconds["listen"] + seconds["send"] + seconds["radio asleep"]
    assert radio == pytest.approx(86_400)
    deep = node_day(site_of(28), "heltec-v3", sleep=Sleep.DEEP)
    asleep = [x.seconds for x in deep.lines if x.what.startswith("processor")]
    assert sum(asleep) == pytest.approx(86_400)


def test_golden_day_by_hand() -> None:
    """28 nodes, SF9: 576 windows of 3.62 s less sending, at 4.6 mA: 2.66 mAh. By hand, SPEC 3."""
    site = site_of(28)
    slot_s, common_s = 0.37, 0.53  # 14 B: 164.9 ms, 51 B: 328.7 ms (design table), + 200 ms, up
    assert (site.slot_us, site.common_us) == (slot_s * 1e6, common_s * 1e6)
    sent_s = 24 * 0.52 * site.airtime_us(6) / 1e6 + 24 / 28 * site.airtime_us(16) / 1e6
    sent_s += 82 / 28 * site.airtime_us(51) / 1e6
    by_hand = (576 * (0.5 + 7 * slot_s + common_s) - sent_s) * 4.6 / 3600
    line = next(x for x in node_day(site, "heltec-v3").lines if x.what == "listen")
    assert line.mah == pytest.approx(by_hand)
    assert line.mah == pytest.approx(2.66, abs=0.01)


@settings(max_examples=30)
@given(
    reports=st.floats(0.1, 5),
    more=st.floats(0, 1),
    board=st.sampled_from([b for b, x in BOARDS.items() if not x.has_amplifier]),
    wind=st.floats(0, 20),
)
def test_more_never_costs_less(reports: float, more: float, board: str, wind: float) -> None:
    """Consumption does not fall with reports, boosted receiver, echo, more nodes or wind."""
    site = site_of(12)
    day = node_day(site, board, reports_per_hour=reports)
    assert node_day(site, board, reports_per_hour=reports + more).mah >= day.mah
    assert node_day(site, board, reports_per_hour=reports, rx_boosted=True).mah > day.mah
    echoing = replace(site, echo=True)
    assert node_day(echoing, board, reports_per_hour=reports).mah > day.mah
    assert node_day(site_of(40), board, reports_per_hour=reports).mah > day.mah
    calm, windy = Gauges(wind_m_s=wind), Gauges(wind_m_s=wind + more)
    assert node_day(site, board, gauges=windy).mah >= node_day(site, board, gauges=calm).mah


def test_measured_current_stands_in_for_tables() -> None:
    """--asleep-ua replaces processor asleep and board; 1.9 mA asleep is most of such a day."""
    day = node_day(site_of(28), "heltec-v3", asleep_ua=1900.0)
    names = [x.what for x in day.lines]
    assert names[0] == "board asleep"
    assert "processor in light sleep" not in names
    assert "board heltec-v3" not in names
    with pytest.raises(RangeError, match="asleep_ua = -1"):
        node_day(site_of(28), "heltec-v3", asleep_ua=-1)


def test_wrong_arguments_are_named() -> None:
    """Unknown boards, amplifiers, impossible reports and powers are refused with the limit."""
    site = site_of(3)
    with pytest.raises(RangeError, match="board = toaster: must be one of heltec-v3"):
        node_day(site, "toaster")
    with pytest.raises(RangeError, match="board = heltec-v4: must have no amplifier"):
        node_day(site, "heltec-v4")
    with pytest.raises(RangeError, match=r"reports_per_hour = 6.5: must be 0..6"):
        node_day(site, "heltec-v3", reports_per_hour=6.5)
    with pytest.raises(RangeError, match="tx_power_dbm = 30"):
        node_day(replace(site, tx_power_dbm=30), "heltec-v3")


def test_airtime_against_the_law() -> None:
    """EU868 P allows 360 s an hour: 28 nodes at SF9 stay far below, and the sums are by hand."""
    site = site_of(28)
    plan = plan_airtime(site, 0.52)
    assert (plan.band, plan.limit_ms_per_hour, plan.is_legal) == ("P", 360_000, True)
    assert plan.window_s == pytest.approx(0.5 + 7 * 0.37 + 0.53)
    worst = 6 * site.airtime_us(14) + site.airtime_us(16) + 23 / 2 * site.airtime_us(51)
    assert plan.worst_ms_per_hour == pytest.approx(worst / 1000)
    assert plan.mean_ms_per_hour < plan.worst_ms_per_hour
    assert [f[0] for f in plan.frames][-1].startswith("checkpoint")
    assert region("EU868").sub_bands
    slow = plan_airtime(replace(site, freq_hz=868_950_000, sf=12, epoch_s=3600), 0.5)
    assert (slow.band, slow.is_legal) == ("N", False)
