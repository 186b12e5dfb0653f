# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qres import weather_file
from qres.anomaly.lossy import run_lossy
from qres.anomaly.shared import SharedField, run
from qres.errors import RangeError
from qres.virtual.field import VirtualField
from qres.virtual.sites import DEMO_KEY, site_for
from tests.anomaly.made import weather


@pytest.mark.parametrize("follow", [False, True])
def test_the_shared_state_is_that_of_every_virtual_node(follow: bool) -> None:
    """Over a day's end and with missed samples, all digests equal those of nodes with radios."""
    demo = weather_file.demo().subset(range(5))
    temp, wind = demo.temp_degc.copy(), demo.wind_m_s.copy()
    temp[100:104, 1] = np.nan
    temp[200:260, 2] = np.nan  # long enough to become absent, and to come back
    wind[:, 3] = np.nan
    demo = replace(demo, temp_degc=temp, wind_m_s=wind)
    site = site_for(demo, epoch_s=1800, follow=follow)
    virtual = VirtualField(site, DEMO_KEY, demo)
    shared = SharedField(site, demo)
    assert shared.next_phase == virtual.next_phase
    for _ in range(4 * 50):
        digests = {*virtual.run_phase().digests}
        shared.run_phase()
        assert digests == {shared.digest}


def test_reports_and_bytes_are_those_on_air() -> None:
    """Reports, their bytes, beacons and checkpoints are what virtual nodes transmit."""
    made = weather(2, noise=1.0)
    site = site_for(made)
    trace = run(site, made)
    virtual = VirtualField(site, DEMO_KEY, made)
    sizes: dict[str, list[int]] = {"report": [], "other": []}
    for _ in range(4 * trace.epochs):
        for sent in virtual.run_phase().transmissions:
            kind = "report" if sent.kind == "report" else "other"
            sizes[kind].append(len(sent.frame))
    assert trace.reports.sum() == len(sizes["report"])
    assert trace.report_bytes.sum() == sum(sizes["report"])
    # The second day's checkpoint is sent in the third: the run ends before.
    two_checkpoints = trace.fixed_bytes - sum(sizes["other"])
    assert 0 < two_checkpoints < trace.fixed_bytes / 2


def test_held_values_are_within_tolerance_of_measured() -> None:
    """Without loss no replica is further off than the tolerance at any sample."""
    made = weather(3, noise=1.5)
    site = site_for(made)
    trace = run(site, made)
    error = np.abs(trace.held - trace.measured).max(axis=(0, 1))
    assert (error <= np.array(site.tolerance.values) + 1e-9).all()
    assert error[0] > 0.5


def test_scores_are_read_after_each_nodes_own_sample() -> None:
    """`Trace.own` takes the number from the commit of the phase in which the node samples."""
    made = weather(2, noise=1.0)
    trace = run(site_for(made), made)
    own = trace.own("local")
    assert own.shape == (48, 6)
    for node, position in enumerate(trace.position):
        column = trace.node["local"][position::4, node] / 65536.0
        assert own[3:, node].tolist() == column[3:].tolist()


def test_a_lossless_virtual_field_scores_the_same() -> None:
    """At the gateway's replica, and at every node's, nothing differs where no frame is lost."""
    made = weather(2, noise=1.0)
    site = site_for(made)
    trace = run(site, made)
    lossy = run_lossy(site, made, 48, 0.0)
    assert lossy.equal == 1.0
    expected = np.nan_to_num(trace.own("local"))
    assert (lossy.local == expected[:, None, :]).all()
    assert (lossy.cause[:, -1] == trace.cause()).all()
    assert lossy.time_s.tolist() == trace.time_s.tolist()


def test_loss_shows() -> None:
    """With a fifth of the frames lost, replicas disagree and their scores with them."""
    made = weather(2, noise=1.0)
    lossy = run_lossy(site_for(made), made, 48, 0.2)
    assert lossy.equal < 0.9
    assert (lossy.local[:, 0] != lossy.local[:, -1]).any()


def test_a_record_for_other_nodes_is_refused() -> None:
    """Stations and nodes must be as many; the error names both."""
    made = weather(2)
    with pytest.raises(RangeError, match=r"stations = 5.*6"):
        SharedField(site_for(made), made.subset(range(5)))
    half = replace(made, time_s=made.time_s + 900)
    with pytest.raises(RangeError, match="time_s"):
        run(site_for(made), half)
