# SPDX-License-Identifier: Apache-2.0
"""What gauges cost: wake-ups and contacts by hand, names and factors of gauges.toml."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from qres.errors import RangeError
from qres.plan.currents import BOARDS, MCUS
from qres.plan.gauges import ANEMOMETERS, NONE, RAIN_GAUGES, Gauges, divided
from qres.plan.load import WIND_WAKES, Sleep, node_day
from tests.plan.test_plan_load import site_of
from tests.sources import ROOT

TOLD = tomllib.loads((ROOT / "firmware/drivers/sensors/gauges.toml").read_text(encoding="utf-8"))


def charges(board: str, gauges: Gauges) -> dict[str, float]:
    """Charge of each consumer [mAh/day] in a field of ten."""
    return {x.what: x.mah for x in node_day(site_of(10), board, gauges=gauges).lines}


def test_gauges_are_those_of_the_firmware() -> None:
    """Same names, metres a pulse, millimetres a tip and dividers as gauges.toml."""
    wind = {
        name: (x["wind_um_per_pulse"] / 1e6, "divide" in x)
        for name, x in TOLD["anemometer"].items()
    }
    assert {n: (a.m_per_pulse, a.is_divided) for n, a in ANEMOMETERS.items()} == wind
    rain = {name: x["rain_um_per_tip"] / 1000 for name, x in TOLD["rain"].items()}
    assert rain == RAIN_GAUGES


@pytest.mark.parametrize("name", sorted(n for n, a in ANEMOMETERS.items() if a.is_divided))
def test_divided_anemometer_is_the_plain_one_times_its_divider(name: str) -> None:
    """A pulse behind the divider is as many turns of the plain anemometer as it divides by."""
    plain = TOLD["anemometer"][name.removesuffix("-div16")]
    divider = TOLD["anemometer"][name]["divide"]
    assert divider == 16
    assert TOLD["anemometer"][name]["wind_um_per_pulse"] == divider * plain["wind_um_per_pulse"]
    assert divided(name.removesuffix("-div16")) == name
    assert divided(name) is None


def test_golden_wake_ups_by_hand() -> None:
    """10 m/s: 14.99993 turns a second of the SparkFun cups, 30 wakes of 1015 us at 37.9 mA."""
    asked = Gauges("sparkfun-sen-15901", wind_m_s=10.0)
    assert asked.wind_wakes == pytest.approx(2 * 10 / 0.666667 * 86_400)
    by_hand = 2 * 10 / 0.666667 * (382 + 133 + 500) * 1e-6 * 37.9 * 24
    assert charges("heltec-v3", asked)[WIND_WAKES] == pytest.approx(by_hand)
    assert by_hand == pytest.approx(27.7, abs=0.1)


def test_contacts_by_hand() -> None:
    """A contact closed half the day costs 33 uA x 12 h; 800 mm are 11 tips a day of 0.1 s."""
    found = charges("heltec-v3", Gauges("davis-6410"))
    assert found["anemometer contact"] == pytest.approx(0.033 * 12)
    tips = 800 / 365.25 / 0.2
    assert Gauges(rain_gauge="davis-6463-mm").tips == pytest.approx(tips)
    assert found["rain gauge contact"] == pytest.approx(0.033 * tips * 0.1 / 3600)


def test_divider_takes_fifteen_sixteenths() -> None:
    """Behind the divider the line falls to a sixteenth, and the counter's own current appears."""
    plain, other = (charges("heltec-v3", Gauges(n)) for n in ("davis-6410", "davis-6410-div16"))
    assert other[WIND_WAKES] == pytest.approx(plain[WIND_WAKES] / 16)
    assert "anemometer divider" not in plain
    assert other["anemometer divider"] == pytest.approx(0.005 * 24)
    assert sum(other.values()) < sum(plain.values())


def test_site_and_board_say_what_is_fitted() -> None:
    """A field measures wind and rain; a board without wind pin has no anemometer unless asked."""
    site = site_of(3)
    for board, one in BOARDS.items():
        fitted = Gauges().fitted(site, board)
        assert fitted.anemometer == ("davis-6410" if one.has_wind_pin else NONE)
        assert fitted.rain_gauge == "davis-6463-mm"
    bare = Gauges(NONE, NONE)
    assert bare.fitted(site, "heltec-v3") == bare
    lines = charges("heltec-v3", bare)
    assert not any("anemometer" in what or "rain" in what for what in lines)


def test_deep_sleep_counts_no_wind() -> None:
    """In deep sleep the port counts tips only: no anemometer is planned, a named one refused."""
    site = site_of(3)
    day = node_day(site, "heltec-v3", sleep=Sleep.DEEP)
    assert day.gauges.anemometer == NONE
    assert day.wind_wake_mah == 0
    with pytest.raises(RangeError, match=r"anemometer = davis-6410: must be none: .* deep sleep"):
        node_day(site, "heltec-v3", sleep=Sleep.DEEP, gauges=Gauges("davis-6410"))


def test_wrong_gauges_are_named() -> None:
    """Unknown names, impossible weather and a missing pin are refused with the limit."""
    with pytest.raises(RangeError, match="anemometer = spoon: must be none or one of davis-6410"):
        Gauges("spoon")
    with pytest.raises(RangeError, match="rain_gauge = bucket: must be none or one of davis"):
        Gauges(rain_gauge="bucket")
    with pytest.raises(RangeError, match="wind_m_s = 31"):
        Gauges(wind_m_s=31)
    with pytest.raises(RangeError, match="rain_mm_year = -1"):
        Gauges(rain_mm_year=-1)
    with pytest.raises(RangeError, match="anemometer = davis-6410: must be none: ht-ct62 would"):
        node_day(site_of(3), "ht-ct62", gauges=Gauges("davis-6410"))


def test_wakes_cannot_fill_more_than_a_day() -> None:
    """In the greatest wind that is asked for no wake-up runs into the next one."""
    storm = replace(Gauges("sparkfun-sen-15901"), wind_m_s=30.0)
    slowest_us = max(mcu.wake_us for mcu in MCUS.values())
    assert storm.wind_wakes * slowest_us * 1e-6 < 0.1 * 86_400
