# SPDX-License-Identifier: Apache-2.0
"""
Make xclim_vectors.json: what xclim computes for made-up weather, for comparison.

    pip install xclim==0.62.0
    python tests/fire_weather/make_xclim_vectors.py > tests/fire_weather/xclim_vectors.json

Nothing of this package is imported here, so that the vectors cannot come from it.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import numpy as np

LATITUDES_DEG = [46.0, 25.0, 17.0, 12.0, 0.0, -12.0, -25.0, -35.0]
N_DAYS = 100


def made_up_weather(seed: int) -> dict[str, np.ndarray]:
    """Weather of N_DAYS at each latitude, shape (days, places), to one decimal."""
    rng = np.random.default_rng(seed)
    shape = (N_DAYS, len(LATITUDES_DEG))
    warm = 17.0 + 9.0 * np.sin(np.arange(N_DAYS) / 14.0)[:, None]
    rain = np.where(rng.random(shape) < 0.3, rng.gamma(0.8, 6.0, shape), 0.0)
    return {
        "temp_degc": (warm + 5.0 * rng.normal(size=shape)).round(1),
        "rh_pct": np.clip(rng.normal(50.0, 20.0, shape), 4.0, 100.0).round(1),
        "wind_km_h": np.clip(rng.normal(14.0, 9.0, shape), 0.0, None).round(1),
        "rain_mm": rain.round(1),
    }


def main() -> None:
    """Write the vectors to stdout."""
    xr, xclim, fire = (import_module(n) for n in ("xarray", "xclim", "xclim.indices.fire"))
    weather = made_up_weather(seed=2)
    time = xr.date_range("2021-05-01", periods=N_DAYS, freq="D")
    coords = {"time": time, "place": range(len(LATITUDES_DEG))}

    def array(values: Any, units: str) -> Any:
        dims = ("time", "place")[-np.ndim(values) :]
        own = {d: coords[d] for d in dims}
        return xr.DataArray(values, dims=dims, coords=own, attrs={"units": units})

    tas = array(weather["temp_degc"], "degC")
    rain = array(weather["rain_mm"], "mm/d")
    wind = array(weather["wind_km_h"], "km/h")
    rh = array(weather["rh_pct"], "%")
    lat = array(np.array(LATITUDES_DEG), "degrees_north")
    names = ("dc", "dmc", "ffmc", "isi", "bui", "fwi")
    codes = fire.cffwis_indices(tas, rain, wind, rh, lat)
    annual = array(np.linspace(400.0, 2200.0, len(LATITUDES_DEG)), "mm/yr")
    start = array(np.full(len(LATITUDES_DEG), 20.0), "mm/d")
    warmest = array(np.maximum(weather["temp_degc"], 10.0), "degC")
    kbdi = fire.keetch_byram_drought_index(rain, warmest, annual, start)
    cold = fire.keetch_byram_drought_index(0.0 * rain, 0.0 * tas, annual, start)
    autumn = array(np.linspace(50.0, 700.0, len(LATITUDES_DEG)), "")
    winter = array(np.linspace(20.0, 350.0, len(LATITUDES_DEG)), "mm")
    spring = fire.overwintering_drought_code(autumn, winter)
    season = fire.fire_season(tas)

    def rounded(values: Any) -> Any:
        return np.asarray(values).round(9).tolist()

    out = {
        "source": f"xclim {xclim.__version__}, numpy {np.__version__}, seed 2",
        "made_by": "tests/fire_weather/make_xclim_vectors.py",
        "lat_deg": LATITUDES_DEG,
        "month": [int(t.dt.month) for t in tas.time],
        "weather": {name: values.tolist() for name, values in weather.items()},
        "codes": {
            n: rounded(c.transpose("time", "place")) for n, c in zip(names, codes, strict=True)
        },
        "kbdi": {
            "annual_rain_mm": rounded(annual),
            "start_mm": 20.0,
            "temp_max_degc": rounded(warmest),
            "deficit_mm": rounded(kbdi.transpose("time", "place")),
            "deficit_after_frost_mm": rounded(cold.transpose("time", "place")[-1]),
        },
        "overwinter": {
            "autumn_dc": rounded(autumn),
            "winter_rain_mm": rounded(winter),
            "carry_over": 0.75,
            "wetting": 0.75,
            "spring_dc": rounded(spring),
        },
        "season": np.asarray(season.transpose("time", "place")).astype(int).tolist(),
    }
    json.dump(out, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
