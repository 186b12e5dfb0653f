# SPDX-License-Identifier: Apache-2.0
"""Tables in Canadian layouts in, FW13 and FW21 out."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qres.errors import RangeError, WeatherFileError
from qres.fire_weather.fw13 import fw13_lines
from qres.fire_weather.fw21 import FW21_COLUMNS, fw21_lines
from qres.fire_weather.provenance import Status
from qres.fire_weather.series import HourlyWeather, NoonWeather
from qres.fire_weather.tables import read_table
from tests.qres.recorded import recorded

DAILY = "month,day,temp_c,rh_pct,wind_kmh,rain_mm\n"
HOURLY = "id,lat,long,yr,mon,day,hr,temp,rh,ws,prec\n"


def written(folder: Path, text: str, name: str = "w.csv") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def daily(folder: Path, text: str) -> NoonWeather:
    """A daily table with this text."""
    table = read_table(written(folder, text))
    assert isinstance(table, NoonWeather)
    return table


def test_the_table_of_1985_as_it_is() -> None:
    """The published file is read as it is: 49 days from 13 April, no year, no latitude."""
    table = read_table(recorded("fwi_vanwagner_pickett_1985.csv"))
    assert isinstance(table, NoonWeather)
    assert table.temp_degc.shape == (49, 1)
    assert not table.has_year
    assert str(table.date[0])[5:] == "04-13"
    assert np.isnan(table.lat_deg).all()


def test_the_hours_of_fwi2025_as_they_are() -> None:
    """The published file of cffdrs-ng is read as it is: 2,623 hours in summer time."""
    table = read_table(recorded("fwi2025_PRF2007_hourly.csv.gz"))
    assert isinstance(table, HourlyWeather)
    assert table.temp_degc.shape == (2623, 1)
    assert (table.utc_offset_h, table.station_id) == (-4.0, ("PRF",))
    start = np.datetime64("2007-05-10T12:00", "s").astype(np.int64)
    assert table.time_s[0] == start


def test_a_day_that_is_left_out_is_missing(tmp_path: Path) -> None:
    """Days that are left out, and empty cells, become NaN and unknown; nothing is filled in."""
    table = daily(tmp_path, DAILY + "4,13,17,42,25,0\n4,15,20,21,25,\n")
    assert np.isnan(table.rain_mm[:, 0]).tolist() == [False, True, True]
    assert np.isnan(table.temp_degc[:, 0]).tolist() == [False, True, False]
    assert table.status[:, 0].tolist() == [Status.REPORTED, Status.UNKNOWN, Status.UNKNOWN]


def test_february_has_29_days_only_if_the_table_says_so(tmp_path: Path) -> None:
    """Without a year, 28 February is followed by 1 March unless the 29th is in the table."""
    two = "2,28,5,50,5,0\n3,1,5,50,5,0\n"
    assert daily(tmp_path, DAILY + two).date.size == 2
    assert daily(tmp_path, DAILY + two.replace("3,1", "2,29,5,50,5,0\n3,1")).date.size == 3


def test_stations_are_told_apart_and_keep_their_latitude(tmp_path: Path) -> None:
    """Rows of two stations make two columns on the same days."""
    text = "id,lat,yr,mon,day,temp,rh,ws,prec\n"
    text += "a,46,2024,7,1,20,50,5,0\nb,-35,2024,7,1,10,60,5,1\na,46,2024,7,2,21,50,5,0\n"
    table = daily(tmp_path, text)
    assert table.station_id == ("a", "b")
    assert table.lat_deg.tolist() == [46.0, -35.0]
    assert table.has_year
    assert np.isnan(table.temp_degc).tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (DAILY + "4,13,17,142,25,0\n", r"w\.csv:2: rh_pct = 142: must be a number, 0\.\.100"),
        (DAILY + "4,13,warm,42,25,0\n", r"w\.csv:2: temp_degc = warm: must be a number, -60\.\.85"),
        (DAILY + "4,31,17,42,25,0\n", r"w\.csv:2: date = 2001-4-31"),
        (DAILY + "4,,17,42,25,0\n", r"w\.csv:2: date = 2001, 4, nan, 0: must be whole numbers"),
        (DAILY + "4,13,17,42\n", r"w\.csv:2: has 4 cells: must be 6"),
        (DAILY, r"w\.csv: has no records"),
        (DAILY + 2 * "4,13,17,42,25,0\n", r"w\.csv:3: station 1 has a record of this time already"),
        (
            DAILY + "12,31,17,42,25,0\n1,1,17,42,25,0\n",
            r"w\.csv:3: month-day = 1-1: must not be before .* add a column yr",
        ),
        (
            HOURLY + "a,46,-77,2024,7,1,0,20,50,5,0\na,47,-77,2024,7,1,1,20,50,5,0\n",
            r"w\.csv:3: lat = 47: station a has 46 before: must not move",
        ),
        (
            HOURLY.replace("long,", "") + "a,46,2024,7,1,0,20,50,5,0\n",
            r"has neither timezone nor long",
        ),
        (HOURLY.replace("yr,", "") + "a,46,-77,7,1,0,20,50,5,0\n", r"has no column yr"),
    ],
)
def test_errors_name_file_line_column_limit_and_value(tmp_path: Path, text: str, says: str) -> None:
    """What is wrong with a table is said in one line, with where and what would be right."""
    with pytest.raises(WeatherFileError, match=says):
        read_table(written(tmp_path, text))


def test_other_layouts_are_left_to_others(tmp_path: Path) -> None:
    """A station table of `qres.weather_csv`, or a file that is no table, is not taken for one."""
    header = "time,station,lat,lon,temp_degc,rh_pct,wind_m_s,rain_mm\n"
    assert read_table(written(tmp_path, header)) is None
    assert read_table(written(tmp_path, "PK", "w.npz")) is None
    assert read_table(tmp_path / "absent.csv") is None


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A .csv.gz that is not gzip is refused in words."""
    with pytest.raises(WeatherFileError, match="cannot be read as a table in UTF-8"):
        read_table(written(tmp_path, DAILY, "w.csv.gz"))


def four_hours() -> HourlyWeather:
    """Four hours: reported, held, stale, and one whose rain is unknown."""
    column = np.array([[30.0], [-5.0], [20.0], [20.0]])
    status = [Status.REPORTED, Status.HELD, Status.STALE, Status.UNKNOWN]
    start = np.datetime64("2025-07-01T20:00", "s").astype(np.int64)
    return HourlyWeather(
        station_id=("rim, north",),
        lat_deg=np.array([40.0]),
        lon_deg=np.array([-105.0]),
        time_s=start + 3600 * np.arange(4),
        utc_offset_h=-7.0,
        temp_degc=column,
        rh_pct=np.array([[20.0], [0.0], [50.0], [50.0]]),
        wind_km_h=np.array([[37.0], [0.0], [5.0], [5.0]]),
        rain_mm=np.array([[0.0], [2.54], [0.0], [np.nan]]),
        status=np.array(status, dtype=np.uint8)[:, None],
    )


def test_fw13_columns() -> None:
    """Each item of a W13 record is in its columns, in US units; unusable hours have no record.

    Source: Weather Observation Data Transfer Format 2013 (WxObs 13), items 1 to 28. Files written
    here were read without loss by the FireWxConverter of NFDRS4 (November 2026).
    """
    first, second = fw13_lines(four_hours(), [51407])
    assert (len(first), len(second)) == (75, 75)
    assert first[:22] == "W13051407202507011300R"
    assert second[17:22] == "1400X"  # held by prediction: no observation
    assert (first[23:26], second[23:26]) == (" 86", " 23")  # degF
    assert (first[26:29], second[26:29]) == (" 20", "  0")  # %
    assert first[29:32] == "  0"  # no wind direction
    assert (first[32:35], second[32:35]) == (" 20", "  0")  # 37 km/h at 10 m: 20 mph at 20 feet
    assert (first[51:56], second[51:56]) == ("00000", "00100")  # 2.54 mm: 0.100 inch
    assert first[61:63] == "23"  # relative humidity; US units, rain of the hour
    assert (first[64:68], first[74]) == ("    ", "N")
    blanks = first[22] + first[35:51] + first[56:61] + first[63] + first[68:74]
    assert blanks.strip() == ""


def test_fw13_solar_and_snow() -> None:
    """Radiation and snow are in columns 65 to 68 and 75, where they are given."""
    solar, snow = np.full((4, 1), 812.4), np.ones((4, 1), dtype=np.bool_)
    first, _ = fw13_lines(four_hours(), [1], solar_w_m2=solar, snow=snow)
    assert (first[64:68], first[74]) == (" 812", "Y")


def test_fw13_refuses_what_does_not_fit() -> None:
    """Station numbers have six digits and one each; radiation is at most 1400 W/m2."""
    with pytest.raises(RangeError, match=r"station_number = 1000000: must be 1\.\.999999"):
        list(fw13_lines(four_hours(), [1_000_000]))
    with pytest.raises(RangeError, match=r"number of station_numbers = 0: must be 1"):
        list(fw13_lines(four_hours(), []))
    with pytest.raises(RangeError, match=r"solar_w_m2 = 1500\.0"):
        list(fw13_lines(four_hours(), [1], solar_w_m2=np.full((4, 1), 1500.0)))


def test_fw21_columns() -> None:
    """FW21 has its units in its names, local time with offset, and no line for unusable hours.

    Source: FW21 Fire Weather Format (2024). Files written here were read without loss by the
    reader of NFDRS4 (November 2026).
    """
    rows = list(csv.DictReader(fw21_lines(four_hours())))
    assert tuple(rows[0]) == FW21_COLUMNS
    assert [row["DateTime"] for row in rows] == [
        "2025-07-01T13:00:00-07:00",
        "2025-07-01T14:00:00-07:00",
    ]
    assert [row["StationID"] for row in rows] == ["rim  north"] * 2
    assert [row["Temperature(C)"] for row in rows] == ["30.00", "-5.00"]
    assert [row["RelativeHumidity(%)"] for row in rows] == ["20.0", "1.0"]
    assert [row["Precipitation(mm)"] for row in rows] == ["0.00", "2.54"]
    assert [row["WindSpeed(kph)"] for row in rows] == ["37.0", "0.0"]
    assert [row["SolarRadiation(W/m2)"] for row in rows] == ["", ""]
    assert [row["Status"] for row in rows] == ["reported", "held"]


def test_fw21_zones_with_half_hours() -> None:
    """An offset of 5.5 h is written as +05:30, with radiation and snow where given."""
    hours = replace(four_hours(), utc_offset_h=5.5)
    snow = np.ones((4, 1), dtype=np.bool_)
    row = next(csv.DictReader(fw21_lines(hours, solar_w_m2=np.full((4, 1), 812.44), snow=snow)))
    assert row["DateTime"] == "2025-07-02T01:30:00+05:30"
    assert (row["SolarRadiation(W/m2)"], row["SnowFlag"]) == ("812.4", "1")
