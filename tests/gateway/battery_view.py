# SPDX-License-Identifier: Apache-2.0
"""A live view of a recorded field with batteries, as a gateway fills it."""

from __future__ import annotations

from qres.core import Replica
from qres.virtual.sites import DEMO_KEY
from qres_gateway.events import PhaseCommitted
from qres_gateway.live import LiveView
from tests.gateway.recorded_field import Recorded

__all__ = ["battery_view", "committed"]


def committed(run: Recorded) -> list[PhaseCommitted]:
    """What a replica that heard every frame committed, phase by phase."""
    phase_us = run.site.phase_us
    replica = Replica(run.site, DEMO_KEY, run.first_phase * phase_us)
    found = []
    for phase, sent in enumerate(run.sent, start=run.first_phase):
        for frame in map(run.frame, sent):
            replica.hear(frame.payload, frame.rx_us)
        (commit,) = replica.advance((phase + 1) * phase_us - 1)
        held = (replica.values, replica.status, replica.judged, replica.health)
        found.append(PhaseCommitted(phase, phase * phase_us, commit.digest, *held))
    return found


def battery_view(run: Recorded) -> LiveView:
    """A demo's view that has seen the whole run, the truth included."""
    view = LiveView(run.site, demo=True)
    for event in committed(run):
        view.feed(event)
        members, measured = run.measured[event.phase]
        view.truth(event.phase, event.time_us, members, measured)
    return view
