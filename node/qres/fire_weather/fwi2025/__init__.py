# SPDX-License-Identifier: Apache-2.0
"""
FWI2025: the Canadian Fire Weather Index System of 2025, hourly, with grass.

Re-implemented from the equations as published with cffdrs-ng 2026-08-13; the tests compare it with
the hours and days published there. Its codes have the names and scales of 1987 and other values:
they never go into what was made for 1987 (`qres.fire_weather.systems`).
"""
