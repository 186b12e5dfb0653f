# SPDX-License-Identifier: Apache-2.0
"""
Fire weather: indices that a fire behaviour analyst knows, from the weather of the field.

Functions take and return NumPy arrays of shape (times, ...), one column a node, and never make up
what is missing: NaN in, NaN out, and every code says how good its weather was (`provenance`).

- Daily, 1987: `fwi1987`. Hourly FFMC, 1977: `hourly_ffmc`. Hourly with grass: `fwi2025`.
- Without memory: `vpd`, `hdw`, `fosberg`, `angstrom`, `chandler`. Drought: `kbdi`.
- Around them: `noon`, `wind_height`, `rain`, `startup`, `season`, `overwinter`, `series`.
- In and out: `tables`, `report`, `plot`, `fw13`, `fw21`.

FWI2025 never goes into what was made for 1987: see `systems`. None of this is an alarm.
"""
