# SPDX-License-Identifier: Apache-2.0
"""`qres weather`, run as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from qres_gateway.cli import main
from tests.fire_weather.tables import Published
from tests.qres.recorded import recorded

TABLE_1985 = "fwi_vanwagner_pickett_1985.csv"
HOURS_2025 = "fwi2025_PRF2007_hourly.csv.gz"
CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")


class Ran:
    """What a run of `qres weather` came to: exit code, stdout, stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        with pytest.raises(SystemExit) as stop:
            main(["weather", *(str(a) for a in arguments)])
        self.code = stop.value.code
        self.out, self.err = capsys.readouterr()

    def rows(self) -> list[dict[str, str]]:
        """What it printed, as a CSV."""
        return list(csv.DictReader(io.StringIO(self.out)))


def weather_csv(folder: Path, days: int = 3) -> Path:
    """A station table in the layout of `qres.weather_csv`, hourly."""
    lines = ["time,station,lat,lon,temp_degc,rh_pct,wind_m_s,rain_mm"]
    for hour in range(24 * days):
        stamp = np.datetime64("2025-07-01T00", "s") + 3600 * hour
        lines.append(f"{stamp}Z,rim,-35,149,{20 + hour % 24},40,5,0.0")
    path = folder / "w.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_table_of_1985_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """The published table goes in as it is, and its codes come out to the printed digit."""
    ran = Ran(capsys, recorded(TABLE_1985), "--system", "fwi1987", "--csv")
    assert ran.code == 0
    assert "day length of 46 N" in ran.err
    rows, table = ran.rows(), Published(TABLE_1985)
    assert len(rows) == 49
    for code in CODES:
        assert [f"{float(row[code]):.1f}" for row in rows] == table.texts(code)
    assert [row["month"] for row in rows] == table.texts("month")
    assert [row["day"] for row in rows] == table.texts("day")
    assert {row["system"] for row in rows} == {"fwi1987"}
    assert {row["status"] for row in rows} == {"reported"}


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """--json gives system, columns and rows, the numbers as numbers."""
    ran = Ran(capsys, recorded(TABLE_1985), "--json", "--lat", 46)
    assert (ran.code, ran.err) == (0, "")
    out = json.loads(ran.out)
    assert out["system"] == "fwi1987"
    assert out["columns"][:2] == ["month", "day"]
    first = out["rows"][0]
    assert (first["month"], first["day"]) == (4, 13)
    assert round(first["fwi"], 4) == 10.0964


def test_the_other_constant_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """--scale 147.27723 gives the FFMC of CFFDRS for R, a little off that of 1985."""
    path = recorded(TABLE_1985)
    printed = Ran(capsys, path, "--csv").rows()
    exact = Ran(capsys, path, "--csv", "--scale", "147.27723").rows()
    apart = [abs(float(a["ffmc"]) - float(b["ffmc"])) for a, b in zip(printed, exact, strict=True)]
    assert round(max(apart), 2) == 0.12


def test_start_up_codes_are_options(capsys: pytest.CaptureFixture[str]) -> None:
    """--ffmc, --dmc and --dc are the codes of the day before."""
    dry = Ran(capsys, recorded(TABLE_1985), "--csv", "--dc", 400).rows()
    assert float(dry[0]["dc"]) > 400.0


def test_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --csv or --json every row of a short table is there, to one decimal."""
    ran = Ran(capsys, recorded(TABLE_1985))
    assert ran.code == 0
    assert len(re.findall(r"│ reported │", ran.out)) == 49
    assert "│ 87.7 │  8.5 │  19.0 │ 10.9 │  8.5 │ 10.1 │" in ran.out


def test_fwi2025_hours_and_days(capsys: pytest.CaptureFixture[str]) -> None:
    """The published hours come out as published, and with --daily the days."""
    path, table = recorded(HOURS_2025), Published(HOURS_2025)
    rows = Ran(capsys, path, "--system", "fwi2025", "--csv").rows()
    for code in (*CODES, "dsr", "gfmc", "gsi", "gfwi"):
        ours = np.array([float(row[code]) for row in rows])
        assert np.abs(ours - table[code]).max() < 0.51e-4, code
    assert rows[0]["time"] == "2007-05-10T08:00:00-04:00"
    days = Ran(capsys, path, "--system", "fwi2025", "--daily", "--csv").rows()
    published = Published("fwi2025_PRF2007_daily.csv")
    assert [float(row["peak_hour"]) for row in days] == published["peak_hr"].tolist()


def test_hourly_with_the_daily_bui(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Hourly FFMC has ISI, the FWI from the first full noon on, and indices without memory."""
    ran = Ran(capsys, weather_csv(tmp_path), "--system", "hourly", "--csv")
    assert (ran.code, ran.err) == (0, "")
    rows = ran.rows()
    assert list(rows[0])[:4] == ["time", "station", "ffmc", "isi"]
    # Noon in the zone of 149 E (10 h ahead) is at 02:00 UTC; the first whole day ends on the 2nd.
    first = next(i for i, row in enumerate(rows) if row["fwi"])
    assert rows[first]["time"] == "2025-07-02T12:00:00+10:00"
    assert rows[first - 1]["status"] == "reported"
    assert all(float(row["vpd_kpa"]) > 0.0 for row in rows)


def test_missing_rain_shows_as_unknown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A day whose rain is missing has no codes and is unknown; the days after it are stale."""
    path = tmp_path / "w.csv"
    path.write_text(
        "month,day,temp_c,rh_pct,wind_kmh,rain_mm\n7,1,25,30,10,0\n7,2,25,30,10,NA\n7,3,25,30,10,0\n",
        encoding="utf-8",
    )
    rows = Ran(capsys, path, "--csv").rows()
    assert [row["status"] for row in rows] == ["reported", "unknown", "stale"]
    assert rows[1]["fwi"] == ""
    out = json.loads(Ran(capsys, path, "--json").out)
    assert out["rows"][1]["fwi"] is None


def test_plot_is_one_file_without_network(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """--plot writes an HTML page that fetches nothing and says that it is no alarm."""
    page = tmp_path / "p.html"
    ran = Ran(capsys, recorded(TABLE_1985), "--csv", "--plot", page)
    assert (ran.code, len(ran.rows())) == (0, 49)
    html = page.read_text(encoding="utf-8")
    assert "Plotly.newPlot" in html
    assert "not an alarm" in html
    assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="?(?:https?:)?//', html) == []


def test_exports(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """--fw13 and --fw21 write standard time, with radiation only where it is asked for."""
    fw13, fw21 = tmp_path / "w.fw13", tmp_path / "w.fw21"
    path = recorded(HOURS_2025)
    ran = Ran(capsys, path, "--fw13", fw13, "--fw21", fw21, "--station-number", 51407)
    assert ran.code == 0
    assert "solar radiation is left blank" in ran.err
    lines = fw13.read_bytes().decode().split("\r\n")
    assert len(lines) == 2624
    assert lines[0].startswith("W13051407200705100700R")  # 08:00 summer time
    rows = list(csv.DictReader(fw21.read_text(encoding="utf-8").splitlines()))
    assert rows[0]["DateTime"] == "2007-05-10T07:00:00-05:00"
    assert rows[5]["SolarRadiation(W/m2)"] == ""
    Ran(capsys, path, "--fw21", fw21, "--estimate-solar")
    rows = list(csv.DictReader(fw21.read_text(encoding="utf-8").splitlines()))
    assert float(rows[5]["SolarRadiation(W/m2)"]) > 100.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--system", "hourly"], "has one record a day: must have one an hour for --system hourly"),
        (["--system", "fwi2025"], "has one record a day: must have one an hour"),
        (["--fw13", "x.fw13"], "has one record a day: must have one an hour for --fw13 and --fw21"),
        (["--wind-height", "2"], "--wind-height = 2.0: must be 10 for a table in km/h"),
        (["--ffmc", "120"], "ffmc = 120.0: must be 0..101"),
        (["--lat", "95"], "lat_deg = 95.0: must be -90..90"),
    ],
)
def test_errors_are_one_plain_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """What cannot be done ends with exit code 1 and one line: argument, limit, value."""
    ran = Ran(capsys, recorded(TABLE_1985), "--csv", *arguments)
    assert (ran.code, ran.out) == (1, "")
    last = ran.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert says in last


@pytest.mark.parametrize(
    "arguments",
    [
        ["--csv", "--json"],
        ["--daily"],
        ["--plot", "p.png"],
        ["--system", "fwi1986"],
        ["--scale", "147"],
    ],
)
def test_wrong_usage_is_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Options that do not go together, or have no such choice, end with exit code 2."""
    assert Ran(capsys, recorded(TABLE_1985), *arguments).code == 2


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """An absent file, or one of an unknown kind, is said in one line with exit code 1."""
    ran = Ran(capsys, tmp_path / "absent.csv")
    assert (ran.code, ran.out) == (1, "")
    assert "absent.csv: not found" in ran.err


def test_position_that_the_file_lacks_must_be_given(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """FWI2025 needs a position: without one in the file, --lat and --lon are asked for."""
    path = tmp_path / "w.csv"
    rows = "".join(f"2024,7,1,{h},20,50,5,0,-5\n" for h in range(24))
    path.write_text("yr,mon,day,hr,temp,rh,ws,prec,timezone\n" + rows, encoding="utf-8")
    ran = Ran(capsys, path, "--system", "fwi2025", "--csv")
    assert ran.code == 1
    assert "lat_deg = nan: is not in the file; it must be given (--lat, --lon)" in ran.err
    ran = Ran(capsys, path, "--system", "fwi2025", "--csv", "--lat", 46, "--lon", -77)
    assert (ran.code, len(ran.rows())) == (0, 24)
