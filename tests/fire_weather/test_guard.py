# SPDX-License-Identifier: Apache-2.0
"""FWI2025 never goes into what was made for 1987."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from mypy import api

from qres.errors import QresError
from qres.fire_weather.fwi1987 import fwi1987
from qres.fire_weather.fwi2025.hourly import STANDARD_2025, fwi2025
from qres.fire_weather.hourly_ffmc import hourly_ffmc, hourly_fwi
from qres.fire_weather.overwinter import spring_start
from qres.fire_weather.systems import System, SystemMixError, require_1987
from tests.sources import ROOT

DAY = ([25.0], [30.0], [10.0], [0.0])
NEW: Any = fwi2025(np.array([0], dtype=np.int64), *DAY, 46.0, -77.0, -5.0)
OLD: Any = fwi1987(*DAY, [7], 46.0)
HOUR = hourly_ffmc(*DAY)


def test_every_result_says_which_system_it_is_of() -> None:
    """Results and states carry their system."""
    assert (OLD.system, HOUR.system) == (System.FWI1987, System.HOURLY)
    assert NEW.system is NEW.end.system is System.FWI2025


@pytest.mark.parametrize(
    "mix",
    [
        lambda: spring_start(NEW, 100.0),
        lambda: hourly_fwi(HOUR, NEW, np.array([0])),
        lambda: hourly_fwi(NEW, OLD, np.array([0])),
        lambda: hourly_fwi(OLD, OLD, np.array([0])),
        lambda: fwi1987(*DAY, [7], 46.0, start=cast(Any, STANDARD_2025)),
        lambda: fwi1987(*DAY, [7], 46.0, start=NEW.end),
        lambda: require_1987(object(), "a consumer"),
    ],
)
def test_mixing_is_refused_at_run_time(mix: object) -> None:
    """Every consumer of 1987 refuses codes or states of FWI2025, and says why."""
    assert callable(mix)
    with pytest.raises(SystemMixError, match=r"must be (of|codes of) (fwi1987|hourly)") as error:
        mix()
    assert isinstance(error.value, QresError)


@pytest.mark.slow
def test_mixing_is_refused_by_mypy(tmp_path: Path) -> None:
    """The type checker refuses the same: results of the two systems have different types."""
    program = tmp_path / "mix.py"
    program.write_text(
        "from qres.fire_weather.fwi1987 import Fwi1987\n"
        "from qres.fire_weather.fwi2025.hourly import Fwi2025\n"
        "from qres.fire_weather.overwinter import spring_start\n"
        "def right(old: Fwi1987) -> None:\n    spring_start(old, 100.0)\n"
        "def wrong(new: Fwi2025) -> None:\n    spring_start(new, 100.0)\n",
        encoding="utf-8",
    )
    config = ROOT / "pyproject.toml"
    report, _, _ = api.run(["--config-file", str(config), str(program)])
    assert f'{program.name}:7: error: Argument 1 to "spring_start"' in report
    assert f"{program.name}:5:" not in report
