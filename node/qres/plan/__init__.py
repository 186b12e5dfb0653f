# SPDX-License-Identifier: Apache-2.0
"""
Planning a field before buying it: energy through the year, airtime.

Nothing here was measured on hardware: currents are the vendors', the sun is simulated. `NOTICE`
goes with every result.
"""

from __future__ import annotations

from typing import Final

__all__ = ["NOTICE"]

NOTICE: Final = "simulated sun, vendor currents, not measured on hardware"
"""What every result of planning says of itself."""
