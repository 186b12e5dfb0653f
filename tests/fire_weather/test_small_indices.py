# SPDX-License-Identifier: Apache-2.0
"""Indices without memory and KBDI against numbers from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from qres.errors import RangeError
from qres.fire_weather.angstrom import angstrom
from qres.fire_weather.chandler import chandler
from qres.fire_weather.fosberg import equilibrium_moisture_pct, fosberg_ffwi
from qres.fire_weather.hdw import surface_hdw
from qres.fire_weather.kbdi import kbdi
from qres.fire_weather.provenance import Status
from qres.fire_weather.vpd import saturation_kpa, vpd_kpa

MPH = 1609.344 / 3600


def test_saturation_pressure_of_fao() -> None:
    """Saturation pressure agrees with the table of FAO-56 to its 3 decimals, within 0.003 kPa.

    Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, annex 2, table 2.3.
    """
    temp = np.array([1.0, 10.0, 20.0, 30.0, 40.0])
    table = np.array([0.657, 1.228, 2.338, 4.243, 7.376])
    assert np.abs(saturation_kpa(temp) - table).max() <= 0.003


def test_vpd_of_fao() -> None:
    """VPD is the table's pressure times the share that is missing; 0 in saturated air."""
    assert abs(float(vpd_kpa(30.0, 40.0)) - 0.6 * 4.243) < 0.002
    assert vpd_kpa(30.0, 100.0) == 0.0


def test_surface_hdw_is_wind_times_deficit() -> None:
    """6 m/s and 2 kPa (20 hPa) are 120; the published HDW has these units, too."""
    deficit = float(vpd_kpa(30.0, 52.86))
    assert abs(float(surface_hdw(30.0, 52.86, 6.0)) - 60.0 * deficit) < 1e-9
    assert abs(deficit - 2.0) < 0.001


def test_fosberg_is_100_in_its_defining_case() -> None:
    """Bone-dry fuel in 30 mph is 100, and so is anything beyond.

    Source: definition of the index, Fosberg (1978).
    """
    assert 99.0 < float(fosberg_ffwi(30.0, 0.0, 30.0 * MPH)) <= 100.0
    assert fosberg_ffwi(30.0, 0.0, 60.0 * MPH) == 100.0


def test_fosberg_by_hand() -> None:
    """86 degF, 20 %, 15 mph: m = 2.22749 + 3.20214 - 1.27108 = 4.15855; damping 0.75029; 37.57."""
    assert abs(float(equilibrium_moisture_pct(30.0, 20.0)) - 4.15855) < 1e-4
    m = 4.15855 / 30.0
    damping = 1.0 - 2.0 * m + 1.5 * m * m - 0.5 * m * m * m
    by_hand = damping * 226.0**0.5 / 0.3002
    assert abs(float(fosberg_ffwi(30.0, 20.0, 15.0 * MPH)) - by_hand) < 0.01


def test_chandler_of_a_published_example() -> None:
    """26.4444 degC and 23.1 % are about 85: the worked example of an amateur station's page.

    Source: kc5jim.org, fire danger plug-in, as read in November 2026.
    """
    assert round(float(chandler(26.4444, 23.1))) == 85
    assert chandler(-20.0, 100.0) == 0.0


def test_angstrom_by_definition() -> None:
    """At 27 degC the index is a twentieth of the humidity; 10 degrees more take 1 off."""
    assert angstrom(27.0, 80.0) == 4.0
    assert angstrom(37.0, 80.0) == 3.0


def test_kbdi_first_inch_fractions_do_not_count() -> None:
    """The first 0.20 inch of a wet spell is intercepted once; a dry day ends the spell."""
    temp = np.zeros(4)  # no drying
    together = kbdi(temp, [4.0, 4.0, 0.0, 4.0], 800.0, 100.0)
    assert together.deficit_mm.round(2).tolist() == [100.0, 97.08, 97.08, 97.08]
    assert together.wet_spell_mm == 4.0


def test_kbdi_in_two_parts() -> None:
    """A series that goes on, wet spell and all, is the same as the whole."""
    temp, rain = np.array([30.0, 32.0, 28.0, 31.0]), np.array([3.0, 4.0, 0.0, 9.0])
    whole = kbdi(temp, rain, 600.0, 50.0)
    first = kbdi(temp[:1], rain[:1], 600.0, 50.0)
    second = kbdi(temp[1:], rain[1:], 600.0, first.deficit_mm[-1], wet_spell_mm=first.wet_spell_mm)
    assert np.array_equal(second.deficit_mm, whole.deficit_mm[1:])


def test_kbdi_range_and_gaps() -> None:
    """It ends at 203.2 mm; a missing day is unknown, holds the index and makes it stale."""
    desert = kbdi(np.full(3000, 45.0), np.zeros(3000), 100.0)
    assert 203.0 < desert.deficit_mm[-1] <= 203.2
    gap = kbdi([30.0, np.nan, 30.0], [0.0, 0.0, 0.0], 600.0, 50.0)
    assert np.isnan(gap.deficit_mm[1])
    assert gap.deficit_mm[2] > gap.deficit_mm[0] > 50.0
    assert gap.status.tolist() == [Status.REPORTED, Status.UNKNOWN, Status.STALE]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: vpd_kpa(86.0, 50.0), r"temp_degc = 86\.0: must be -60\.\.85 degC"),
        (lambda: vpd_kpa(20.0, 101.0), r"rh_pct = 101\.0: must be 0\.\.100 %"),
        (lambda: surface_hdw(20.0, 50.0, -1.0), r"wind_m_s = -1\.0: must be 0\.\.83"),
        (lambda: kbdi([20.0], [-1.0], 800.0), r"rain_mm = -1\.0: must be 0\.\.2000 mm"),
        (lambda: kbdi([20.0], [1.0], 800.0, 300.0), r"start_mm = 300\.0: must be 0\.\.203\.2"),
    ],
)
def test_errors_name_argument_limit_and_value(call: object, text: str) -> None:
    """Weather outside its range is refused with its name, the limit and the value."""
    assert callable(call)
    with pytest.raises(RangeError, match=text):
        call()


def test_nan_stays_nan() -> None:
    """A missing reading gives a missing index, of the same shape, and no warning."""
    temp = np.array([[20.0, np.nan], [25.0, 30.0]])
    for values in (
        vpd_kpa(temp, 50.0),
        surface_hdw(temp, 50.0, 3.0),
        fosberg_ffwi(temp, 50.0, 3.0),
    ):
        assert np.isnan(values).tolist() == [[False, True], [False, False]]
