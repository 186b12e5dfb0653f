# SPDX-License-Identifier: Apache-2.0
"""Recorded weather: layouts, the demo copy, sampling, rain, humidity."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qres import weather_file
from qres.channels import V1
from qres.errors import WeatherFileError
from qres.weather_file import WeatherFile, from_arrays, load, rain_tips_mm, rh_from_dewpoint
from qres.weather_pack import pack, to_bytes, unpack
from tests.qres.recorded import recorded
from tests.sources import ROOT

NAN = float("nan")
T0 = 1_700_000_000


def arrays(**changes: Any) -> dict[str, NDArray[Any]]:
    """Two stations, four times, 10 min apart; one of the arrays may be changed, None drops it."""
    data = np.zeros((4, 2, 4), dtype=np.float32)
    data[:, :, 0] = [[20.1, 10.0], [20.2, 10.1], [NAN, 10.2], [20.4, 10.3]]
    data[:, :, 1] = 50
    data[:, :, 2] = [[1.0, 2.0], [2.0, 2.0], [3.0, 2.0], [4.0, NAN]]
    data[:, :, 3] = [[NAN, 0.0], [0.1, 0.4], [0.1, NAN], [1.0, 0.2]]
    made: dict[str, Any] = {
        "data": data,
        "time": T0 + 600 * np.arange(4),
        "station_id": np.array(["a", "b"]),
        "lat": np.array([50.0, 50.1]),
        "lon": np.array([4.0, 4.1]),
        "elev": np.array([np.nan, 12.0], dtype=np.float32),
        "variables": np.array(["t", "rh", "ws", "rain"]),
    }
    made.update(changes)
    return {key: value for key, value in made.items() if value is not None}


def at(text: str) -> int:
    """Unix time of an ISO time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# source: metobs_toolkit/datafiles/demo_datafile.csv of metobs-toolkit 1.1.1, read by eye: time,
# station, temperature [degC], humidity [%], wind [km/h]
@pytest.mark.parametrize(
    ("time", "station", "temp_degc", "rh_pct", "wind_km_h"),
    [
        ("2022-09-01T00:10", "vlinder01", 18.8, 65, 5.1),
        ("2022-09-07T13:35", "vlinder17", 16.6, 95, 3.4),
        ("2022-09-10T04:05", "vlinder02", 14.7, 95, 2.2),
        ("2022-09-15T23:55", "vlinder28", 13.0, 77, 0.0),
    ],
)
def test_demo_holds_what_the_source_says(
    time: str, station: str, temp_degc: float, rh_pct: float, wind_km_h: float
) -> None:
    """Values of the demo weather are those of the network's own table."""
    demo = weather_file.demo()
    row = demo.sample_at(at(time))[demo.station_id.index(station)]
    assert row[:3].tolist() == [temp_degc, rh_pct, round(wind_km_h / 3.6, 4)]


@pytest.mark.parametrize(
    ("station", "daily_mm"),
    [
        # source: the last "Neerslagsom" of each day in the same table, days without rain left out
        ("vlinder01", [0.4, 0.2, 10.6, 0.8, 10.6, 8.6, 1.4, 0.2, 1.6, 4.6]),
        ("vlinder08", [22.8, 1.6, 9.8, 5.2, 8.2, 0.2, 0.6, 8.0, 0.2]),
        ("vlinder28", [0.2, 3.6, 0.2, 0.2, 0.2, 0.2, 17.8]),
    ],
)
def test_demo_rain_adds_up(station: str, daily_mm: list[float]) -> None:
    """The accumulated rain ends at the sum of the network's daily sums."""
    demo = weather_file.demo()
    last = demo.rain_mm[-1, demo.station_id.index(station)]
    assert last == pytest.approx(sum(daily_mm), abs=1e-9)


def test_demo_is_complete_small_and_attributed() -> None:
    """28 stations for 15 days at 5 min, below 500 kB, with its licence beside it."""
    demo = weather_file.demo()
    assert demo.values().shape == (15 * 288, 28, 4)
    assert demo.cadence_s == 300
    assert demo.time_s[0] == at("2022-09-01T00:00")
    assert not demo.is_synthetic.any()
    folder = ROOT / "node" / "qres" / "data"
    assert (folder / "vlinder_5min.npz").stat().st_size < 500_000
    notice = (folder / "vlinder_5min.txt").read_text(encoding="utf-8")
    assert "Copyright (c) 2023 Atmospheric Physics group Ghent University" in notice
    assert "Permission is hereby granted, free of charge" in notice
    assert "MIT" in demo.source


def test_demo_equals_the_file_it_was_packed_from() -> None:
    """Packing lost nothing: every value equals the unpacked recording's."""
    whole = load(recorded("vlinder_5min.npz"))
    demo = weather_file.demo()
    assert np.array_equal(whole.values(), demo.values(), equal_nan=True)
    assert np.array_equal(whole.time_s, demo.time_s)
    assert (whole.station_id, whole.station_name) == (demo.station_id, demo.station_name)
    assert np.array_equal(whole.lat_deg, demo.lat_deg)


def test_hourly_network_with_gaps() -> None:
    """The Taiwanese file: 100 stations, hourly, rain from running hourly totals, real gaps."""
    taiwan = load(recorded("taiwan_dense100_hourly.npz"))
    assert (taiwan.n_stations, taiwan.cadence_s) == (100, 3600)
    assert 0.1 < np.isnan(taiwan.temp_degc).mean() < 0.15
    raw = np.load(recorded("taiwan_dense100_hourly.npz"))
    rain1h = raw["data"][:, :, raw["variables"].tolist().index("rain1h")].astype(np.float64)
    ends = np.fmax.reduce(taiwan.rain_mm)
    expected = np.nansum(rain1h, axis=0)
    assert np.all((ends <= expected + 0.001) & (ends > expected - 0.2001))


def test_sites_that_share_a_station_count_once() -> None:
    """The Beijing file's twelve sites are reduced to its distinct weather series."""
    beijing = load(recorded("beijing_prsa_hourly.npz"))
    groups = np.load(recorded("beijing_prsa_hourly.npz"))["met_group"]
    assert beijing.n_stations == len(set(groups.tolist())) < 12
    assert np.isnan(beijing.lat_deg).all()


def test_arrays_become_weather() -> None:
    """Float noise is rounded away, heights that are missing are flagged, rain accumulates."""
    weather = from_arrays("test", arrays())
    assert weather.temp_degc[:, 0].tolist()[:2] == [20.1, 20.2]
    assert weather.elev_m.tolist() == [0.0, 12.0]
    assert weather.elev_known.tolist() == [False, True]
    assert weather.rain_mm[:, 0].tolist() == [0.0, 0.0, 0.2, 1.2]
    assert np.array_equal(weather.rain_mm[:, 1], [0.0, 0.4, np.nan, 0.6], equal_nan=True)


@pytest.mark.parametrize(
    ("after_s", "temp_degc"),
    [
        (-1, np.nan),
        (0, 20.1),
        (599.9, 20.1),
        (600, 20.2),
        (1200, np.nan),
        (1800, 20.4),
        (2400, 20.4),
        (2401, np.nan),
    ],
)
def test_sample_is_the_latest_record(after_s: float, temp_degc: float) -> None:
    """A sample is the latest record up to the time; it is missing when over a cadence old."""
    sample = from_arrays("test", arrays()).sample_at(T0 + after_s)
    assert sample.shape == (2, len(V1))
    assert np.array_equal(sample[0, 0], temp_degc, equal_nan=True)


def test_mean_wind() -> None:
    """The mean runs over the window up to each record and leaves missing ones out."""
    weather = from_arrays("test", arrays())
    mean = weather.with_mean_wind(1200)
    assert mean.wind_m_s[:, 0].tolist() == [1.0, 1.5, 2.5, 3.5]
    assert mean.wind_m_s[:, 1].tolist() == [2.0, 2.0, 2.0, 2.0]
    assert mean.temp_degc is weather.temp_degc
    assert weather.with_mean_wind(600) is weather


def test_mean_wind_is_missing_if_all_is() -> None:
    """Where the window has no wind at all the mean is missing."""
    data = arrays()["data"]
    data[:, 0, 2] = [1, np.nan, np.nan, 5]
    mean = from_arrays("test", arrays(data=data)).with_mean_wind(1200)
    assert np.array_equal(mean.wind_m_s[:, 0], [1, 1, np.nan, 5], equal_nan=True)


def test_humidity_from_dew_point() -> None:
    """A file with dew point in place of humidity is read; at saturation humidity is 100 %."""
    data = arrays()["data"].copy()
    data[:, :, 1] = data[:, :, 0]
    weather = from_arrays("t", arrays(data=data, variables=np.array(["t", "td", "ws", "rain"])))
    assert np.nanmin(weather.rh_pct) == 100.0


@pytest.mark.parametrize(
    ("temp_degc", "dewpoint_degc", "rh_pct"),
    [
        # source: ratio of saturation vapour pressures over water, Smithsonian Meteorological
        # Tables, table 94 [hPa]: 0 degC 6.108, 10 degC 12.272, 20 degC 23.373, 30 degC 42.430
        (20.0, 10.0, 100 * 12.272 / 23.373),
        (30.0, 0.0, 100 * 6.108 / 42.430),
        (30.0, 20.0, 100 * 23.373 / 42.430),
    ],
)
def test_humidity_against_tables(temp_degc: float, dewpoint_degc: float, rh_pct: float) -> None:
    """Relative humidity agrees with tabulated vapour pressures within 0.2 %RH."""
    ours = float(rh_from_dewpoint(np.array(temp_degc), np.array(dewpoint_degc)))
    assert ours == pytest.approx(rh_pct, abs=0.2)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_rain_is_exact_in_tips(tips: list[int]) -> None:
    """Rain in whole tips accumulates without drift, and never falls."""
    total = rain_tips_mm(np.array([t / 5 for t in tips]))
    assert total.tolist() == [round(s / 5, 1) for s in np.cumsum(tips).tolist()]


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_rain_is_never_more_than_fell(rain: list[float]) -> None:
    """A gauge is behind what fell by less than one tip, never ahead of it."""
    total = rain_tips_mm(np.array(rain))
    behind = np.cumsum(rain) - total
    assert np.all((behind > -1e-6) & (behind < 0.2))


def test_counter_with_reset() -> None:
    """A rain counter counts from its first reading; a fall is a reset; a gap loses nothing."""
    data = np.zeros((6, 1, 4))
    data[:, 0, 3] = [7.0, 7.4, np.nan, 8.0, 0.2, 0.2]
    made = arrays(
        data=data,
        time=T0 + 600 * np.arange(6),
        station_id=np.array(["a"]),
        lat=np.zeros(1),
        lon=np.zeros(1),
        elev=np.zeros(1),
        variables=np.array(["t", "rh", "ws", "rain_total"]),
    )
    rain = from_arrays("test", made).rain_mm[:, 0]
    assert np.array_equal(rain, [0.0, 0.4, np.nan, 1.0, 1.2, 1.2], equal_nan=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lat": None, "data": None}, "x: has no data, lat: must have the arrays data, time,"),
        ({"variables": np.array(["t", "rh", "ws", "p"])}, "x: variables are t, rh, ws, p: must"),
        (
            {"variables": np.array(["t", "p", "ws", "rain"])},
            "x: variables are t, p, ws, rain: must",
        ),
        (
            {"variables": np.array(["t", "rh", "ws", "rain1h"])},
            "x: rain1h on a grid of 600 s: must",
        ),
        ({"variables": np.array(["t", "rh"])}, "x: data has shape (4, 2, 4): must be (4, 2, 2)"),
        ({"lon": np.zeros(3)}, "x: lon has shape (3,): must be (2,), one per station"),
        ({"time": np.array([0, 600, 1200, 1900])}, "x: time[3] = 1900: must be 600 s (above 0)"),
        ({"time": np.array([600, 0, -600, -1200])}, "x: time[1] = 0: must be -600 s (above 0)"),
        ({"time": np.zeros(4)}, "x: time has shape (4,) and type float64: must be at least 2"),
        ({"meta": np.array("{")}, "x: meta is not JSON"),
    ],
)
def test_wrong_layouts(changes: dict[str, Any], said: str) -> None:
    """A wrong layout is refused with what was found and what was expected."""
    with pytest.raises(WeatherFileError) as error:
        from_arrays("x", arrays(**changes))
    assert str(error.value).startswith(said)


def test_impossible_values_are_named() -> None:
    """A value that no sensor gives, such as a -99 for missing, is refused by place."""
    data = arrays()["data"]
    data[2, 1, 0] = -99
    with pytest.raises(WeatherFileError) as error:
        from_arrays("x", arrays(data=data))
    assert str(error.value) == (
        f"x: temp_degc of station b at time {T0 + 1200} = -99: must be -60..85 °C, or NaN where it"
        " is missing"
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.npz", None, "not found: a .npz or .csv of recorded weather is needed"),
        ("a.txt", b"", "unknown kind of file: must end in .npz, .csv or .csv.gz"),
        ("a.npz", b"no archive", "not a whole .npz file of plain arrays"),
        ("a.npz", b"PK\x03\x04", "not a whole .npz file of plain arrays"),
        ("a.npz", b"", "not a whole .npz file of plain arrays"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    """Absent, unknown and broken files are refused in plain words, by name."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeatherFileError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: {said}")


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    """A .npz with pickled objects is refused, not run."""
    path = tmp_path / "a.npz"
    np.savez(path, data=np.array([{}], dtype=object))
    with pytest.raises(WeatherFileError, match="plain arrays"):
        load(path)


@pytest.mark.parametrize("cut", [1, 10, 1000, 60_000])
def test_a_truncated_copy_is_refused(tmp_path: Path, cut: int) -> None:
    """A download that broke off is refused, wherever it broke."""
    whole = (ROOT / "node" / "qres" / "data" / "vlinder_5min.npz").read_bytes()
    path = tmp_path / "a.npz"
    path.write_bytes(whole[:-cut])
    with pytest.raises(WeatherFileError, match="not a whole"):
        load(path)


@given(
    st.integers(2, 30).flatmap(
        lambda n: st.lists(
            st.lists(st.none() | st.integers(-32767, 32767), min_size=n, max_size=n),
            min_size=1,
            max_size=4,
        )
    ),
    st.sampled_from([1, 5, 10, 36]),
)
def test_packing_is_exact(series: list[list[int | None]], divisor: int) -> None:
    """Whole numbers over a divisor, with gaps, survive packing to the last bit of 4 decimals."""
    whole = np.array([[np.nan if k is None else k for k in s] for s in series], dtype=np.float64)
    values = np.round(whole / divisor, 4)
    n = values.shape[1]
    made = {
        "data": values.T[:, :, None],
        "time": T0 + 300 * np.arange(n),
        "variables": np.array(["t"]),
        "station_id": np.array([str(k) for k in range(len(series))]),
    }
    packed = to_bytes(pack(made, {"t": divisor}))
    assert packed == to_bytes(pack(made, {"t": divisor}))
    with np.load(io.BytesIO(packed)) as file:
        back = unpack({key: file[key] for key in file.files})
    assert np.array_equal(back["data"], made["data"], equal_nan=True)
    assert np.array_equal(back["time"], made["time"])
    assert np.array_equal(back["station_id"], made["station_id"])


def test_what_cannot_be_packed_exactly_is_refused() -> None:
    """Values finer than the divisor, or too large, are refused instead of being rounded."""
    made = {"data": np.array([[[0.05]], [[0.1]]]), "time": np.array([0, 1])}
    made["variables"] = np.array(["t"])
    with pytest.raises(WeatherFileError, match="t cannot be packed: must be whole numbers / 10"):
        pack(made, {"t": 10})
    made["data"] = np.array([[[3300.0]], [[0.0]]])
    with pytest.raises(WeatherFileError, match="cannot be packed"):
        pack(made, {"t": 10})


def test_subset_keeps_stations_together() -> None:
    """Choosing stations takes every attribute of theirs along, in the order asked for."""
    weather: WeatherFile = from_arrays("test", arrays()).subset([1, 0, 1])
    assert weather.station_id == ("b", "a", "b")
    assert weather.lat_deg.tolist() == [50.1, 50.0, 50.1]
    assert weather.elev_known.tolist() == [True, False, True]
    assert weather.temp_degc[0].tolist() == [10.0, 20.1, 10.0]
    assert weather.values().shape == (4, 3, 4)
