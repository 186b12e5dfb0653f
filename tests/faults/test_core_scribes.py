# SPDX-License-Identifier: Apache-2.0
"""Two nodes that both take themselves for the scribe: the day's checkpoint comes all the same."""

from __future__ import annotations

import pytest

from qres._core import ffi, lib
from tests.core.talking_field import Sent, TalkingField, site_of, start_of_day


@pytest.mark.parametrize(
    ("n", "epoch_s"), [(12, 900), pytest.param(100, 3600, marks=pytest.mark.slow)]
)
def test_second_scribe_does_not_drown_the_first(n: int, epoch_s: int) -> None:
    """
    A node that has not heard the scribe for a day sends a checkpoint too, in phases of its own.

    Frames that two nodes send in one common slot collide and reach nobody. With hourly epochs and
    100 nodes there is a fragment in each common slot of half a day.
    """
    site = site_of(n, epoch_s=epoch_s)
    first = start_of_day(site)
    day = 4 * 86_400 // epoch_s
    era = first // day + 1
    scribe, other = era % n, (era + 1) % n
    field = TalkingField(site, first, seed=1)
    for _ in range(day):
        field.run_phase(lambda s, to: (s.sender, to) != (scribe, other))
    claims = [node.index for node in field.present if node.c.blob_len]
    assert sorted(claims) == sorted((scribe, other))
    common: dict[int, list[Sent]] = {}
    for _ in range(day - 1):
        sent = [s for s in field.run_phase() if s.kind == "checkpoint"]
        common[field.phase] = sent
    assert max(len(sent) for sent in common.values()) == 1
    senders = [s.sender for sent in common.values() for s in sent]
    assert senders.count(scribe) > senders.count(other)
    bases = {
        lib.qres_state_digest(field.field.c, ffi.addressof(node.c, "base"))
        for node in field.present
    }
    assert len(bases) == 1
