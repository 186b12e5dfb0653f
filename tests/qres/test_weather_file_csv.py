# SPDX-License-Identifier: Apache-2.0
"""Recorded weather from a table."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from qres.errors import WeatherFileError
from qres.weather_file import load

HEADER = "time,station,lat,lon,temp_degc,rh_pct,wind_m_s,rain_mm\n"
GOOD = HEADER + (
    "2026-01-31T00:00:00Z,a,50,4,20.5,50,1.5,0\n"
    "2026-01-31T00:00:00Z,b,50.1,4.1,19,55,,0\n"
    "2026-01-31T00:10:00Z,a,50,4,20.4,51,NA,0.4\n"
    "2026-01-31T00:10:00Z,b,50.1,4.1,nan,56,2,0.1\n"
    "2026-01-31T00:20:00Z,b,50.1,4.1,18,57,2,0.1\n"
)
NAN = float("nan")
T0 = 1_769_817_600  # source: date -d 2026-01-31T00:00:00Z +%s


def write(folder: Path, text: str) -> Path:
    """A table with this text."""
    path = folder / "w.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_table(tmp_path: Path) -> None:
    """A table becomes weather on its own grid; what it does not say is missing."""
    weather = load(write(tmp_path, GOOD))
    assert weather.station_id == ("a", "b")
    assert weather.time_s.tolist() == [T0, T0 + 600, T0 + 1200]
    assert np.array_equal(
        weather.temp_degc, [[20.5, 19.0], [20.4, NAN], [NAN, 18.0]], equal_nan=True
    )
    assert np.array_equal(weather.wind_m_s, [[1.5, NAN], [NAN, 2.0], [NAN, 2.0]], equal_nan=True)
    assert np.array_equal(weather.rain_mm, [[0.0, 0.0], [0.4, 0.0], [NAN, 0.2]], equal_nan=True)
    assert weather.elev_known.tolist() == [False, False]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t").replace("\n", "\r\n"),
        GOOD.replace("2026-01-31T", "2026-01-31 ").replace("Z", ""),
        GOOD.replace("T00:", "T01:").replace("Z", "+01:00"),
        GOOD.replace("station,", "Station ,").replace("a,50", '"a",50'),
        GOOD + "\n\n",
    ],
)
def test_dialects(tmp_path: Path, text: str) -> None:
    """Byte order mark, separators, line ends, quotes and time zones change nothing."""
    plain, other = load(write(tmp_path, GOOD)), load(write(tmp_path, text))
    assert np.array_equal(plain.values(), other.values(), equal_nan=True)
    assert np.array_equal(plain.time_s, other.time_s)
    assert plain.station_id == other.station_id


def test_compressed_with_names_heights_and_unix_time(tmp_path: Path) -> None:
    """A compressed table with Unix times, names and heights is read."""
    text = (
        "station,name,time,lat,lon,elev_m,temp_degc,rh_pct,wind_m_s,rain_mm,comment\n"
        "a,Ridge,1000,50,4,710,1,2,3,0,x\na,Ridge,1300.0,50,4,710,1,2,3,0,y\n"
    )
    path = tmp_path / "w.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    weather = load(path)
    assert (weather.station_name, weather.elev_m.tolist()) == (("Ridge",), [710.0])
    assert weather.time_s.tolist() == [1000, 1300]


def test_irregular_records_are_never_early(tmp_path: Path) -> None:
    """A record between two instants counts at the later one, with rain of both added up."""
    rows = [(0, 1.0), (600, 2.0), (1190, 3.0), (1200, 4.0), (1801, 5.0), (2401, 6.0), (3001, 7.0)]
    text = HEADER + "".join(f"{t},a,50,4,{v},50,1,0.2\n" for t, v in rows)
    weather = load(write(tmp_path, text))
    assert weather.time_s.tolist() == [0, 600, 1200, 1800, 2400, 3000, 3600]
    expected = [1, 2, 4, NAN, 5, 6, 7]
    assert np.array_equal(weather.temp_degc[:, 0], expected, equal_nan=True)
    assert weather.rain_mm[-1, 0] == pytest.approx(1.4)


def test_rain_counter(tmp_path: Path) -> None:
    """A rain counter is read as such, from its first reading on."""
    text = GOOD.replace("rain_mm", "rain_total_mm").replace("0.4\n", "100.4\n")
    weather = load(write(tmp_path, text))
    assert weather.rain_mm[:2, 0].tolist() == [0.0, 100.4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "w.csv: has no records: must have a header line and lines below"),
        (HEADER, "w.csv: has no records: must have a header line and lines below"),
        (GOOD.replace("rh_pct", "rh"), "w.csv:1: has no column rh_pct: must have time, station,"),
        (GOOD.replace("rain_mm", "rain"), "w.csv:1: has neither: must have one of rain_mm,"),
        (GOOD.replace("20.5", "20,5"), "w.csv:2: has 9 cells: must be 8, as the header has"),
        (GOOD.replace("20.5", "warm"), 'w.csv:2: temp_degc = "warm": must be a number -60..85 °C,'),
        (GOOD.replace("20.5", "-99"), 'w.csv:2: temp_degc = "-99": must be a number -60..85 °C,'),
        (GOOD.replace(",55,", ",105,"), 'w.csv:3: rh_pct = "105": must be a number 0..100 %,'),
        (GOOD.replace("T00:20:00Z", "T25:00"), 'w.csv:6: time = "2026-01-31T25:00": must be like'),
        (GOOD.replace("20:00Z,b", "20:00Z,"), 'w.csv:6: station = "": must not be empty'),
        (GOOD.replace("b,50.1,4.1,18", "b,50.2,4.1,18"), 'w.csv:6: lat = "50.2": station b is'),
        (GOOD.replace("00:10:00Z,b", "00:00:00Z,b"), 'w.csv:5: time = "2026-01-31T00:00:00Z":'),
        (HEADER + "0,a,50,4,1,1,1,0\n", "w.csv: has one record per station: must have at least"),
        (
            HEADER + "".join(f"{t},a,50,4,1,1,1,0\n" for t in (0, 1, 2, 2_000_000_000)),
            "w.csv: 2000000001 times of 1 s x 1 stations: must be at most 100000000 cells",
        ),
    ],
)
def test_errors_name_the_line(tmp_path: Path, text: str, said: str) -> None:
    """Each mistake is named with file, line, column, value and limit."""
    with pytest.raises(WeatherFileError) as error:
        load(write(tmp_path, text))
    assert str(error.value).startswith(f"{tmp_path}/{said}")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x1f\x8b"])
def test_bytes_that_are_no_table(tmp_path: Path, content: bytes) -> None:
    """Binary content is refused in plain words, compressed or not."""
    for name in ("w.csv", "w.csv.gz"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(WeatherFileError, match="cannot be read as a table in UTF-8"):
            load(path)
