# SPDX-License-Identifier: Apache-2.0
"""A site with a battery channel: the firmware reports its own voltage like any other value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.firmware import machines
from tests.firmware.field_rig import Rig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("posix_image")]

BATTERY = 4
"""Its number on air, SPEC 2.1."""


def test_a_firmware_node_reports_its_battery(new_rig: Callable[..., Rig]) -> None:
    """Every replica holds the node's voltage to the tolerance, before and after it has fallen."""
    rig = new_rig(6, battery=True)
    rig.firmware_node(2, machines.posix)
    rig.begin()
    rig.run_h(3)
    other = rig.core(0)
    tolerance_mv = rig.site.tolerance["batt_mv"]
    assert other.values[2, BATTERY] == pytest.approx(rig.feed.volts(2) * 1000, abs=tolerance_mv)
    rig.feed.battery_v[2] = 3.61
    rig.run_h(1)
    assert other.values[2, BATTERY] == pytest.approx(3610, abs=tolerance_mv)
    assert rig.unequal() == []
    assert rig.quit() == [0]
