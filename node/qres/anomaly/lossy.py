# SPDX-License-Identifier: Apache-2.0
"""The score where frames are lost: each replica has its own state, the gateway's among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qres._core import ffi
from qres.anomaly.trace import Judge
from qres.channels import Q16_ONE
from qres.core import Replica
from qres.virtual.field import VirtualField
from qres.virtual.sites import DEMO_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qres.site import Site
    from qres.weather_file import WeatherFile

__all__ = ["LossyTrace", "run_lossy"]


@dataclass(frozen=True, slots=True, eq=False)
class LossyTrace:
    """
    What R replicas make of a field, read after the commit of each node's own sample.

    Attributes:
        time_s: Unix time at which each epoch begins, shape (epochs,). [s]
        local: `anomaly_local`, shape (epochs, R, nodes); the gateway's replica is the last.
        cause: Likely causes, same shape.
        equal: Share of commits after which all replicas were equal.
    """

    time_s: NDArray[np.int64]
    local: NDArray[np.float64]
    cause: NDArray[np.uint8]
    equal: float


def run_lossy(
    site: Site,
    weather: WeatherFile,
    epochs: int,
    loss: float,
    *,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
) -> LossyTrace:
    """
    Run virtual nodes and a listening gateway on lossy air.

    Args:
        site: The field; row i of its nodes is station i of *weather*.
        weather: The record; it must begin with an epoch.
        epochs: How many.
        loss: Share of frames lost on each link, independently. 0..1
        seed: Losses and clocks follow from it.
        progress: Called now and then with the number of epochs done.
    """
    n = len(site.nodes)
    virtual = VirtualField(site, DEMO_KEY, weather, loss=loss, seed=seed, extra_receivers=1)
    gateway = Replica(site, DEMO_KEY, virtual.now_us)
    machines = [node.c for node in virtual.nodes] + [gateway.c]
    judge = Judge(virtual.field)
    local = np.zeros((epochs, n + 1, n))
    cause = np.zeros((epochs, n + 1, n), dtype=np.uint8)
    first_s = virtual.now_us // 1_000_000
    equal = 0
    for k in range(4 * epochs):
        result = virtual.run_phase()
        for reception in result.receptions:
            if reception.heard_by[n]:
                gateway.hear(reception.sent.frame, reception.sent.end_us)
        # The field's clocks drift together, by seconds in half a year: amid the phase is safe.
        gateway.advance(result.time_us + virtual.field.phase_us // 2)
        equal += {*result.digests} == {gateway.digest}
        mine = result.members
        for r, machine in enumerate(machines):
            judge.look(ffi.addressof(machine, "live"))
            known = judge.node["known"][mine] == 1
            local[k // 4, r, mine] = np.where(known, judge.node["local"][mine] / Q16_ONE, 0.0)
            cause[k // 4, r, mine] = judge.node["cause"][mine]
        if progress is not None and k % 400 == 399:
            progress(k // 4 + 1)
    time_s = first_s + np.arange(epochs, dtype=np.int64) * site.epoch_s
    return LossyTrace(time_s, local, cause, equal / (4 * epochs))
