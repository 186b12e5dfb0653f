# SPDX-License-Identifier: Apache-2.0
"""Agreement of the live view: digests compared on air and, in a demo, with the nodes' own."""

from __future__ import annotations

from qres.core import Status
from qres_gateway.console.summary import summarise
from qres_gateway.console.view import Health
from qres_gateway.events import ReplicaRebuilt, StateChanged
from tests.gateway.live_field import START_US, Line

SOUND = {
    "bits_compared": 0,
    "bits_wrong": 0,
    "beacons_compared": 0,
    "beacons_wrong": 0,
    "adopted": 0,
    "verified": 0,
    "missed_checkpoints": 0,
    "diverged": 0,
    "synced": 1,
}


def health(line: Line) -> Health:
    """Health as shown."""
    return line.view.snapshot().health


def test_before_the_first_commit_nothing_is_known() -> None:
    """No digest, no era, nothing compared."""
    assert health(Line()) == Health(
        digest=None,
        digests_checked=0,
        divergences=0,
        replicas_equal=None,
        checkpoints=0,
        last_checkpoint_us=None,
        era=None,
    )


def test_digest_and_era_of_the_last_commit() -> None:
    """Eight hexadecimal digits, and the UTC day of the phase."""
    line = Line()
    line.commit(digest=0xBEEF)
    assert health(line).digest == "0000beef"
    assert health(line).era == 19_000
    assert health(line).replicas_equal is None
    line.commit(phase=line.first + 96)
    assert health(line).era == 19_001


def test_a_node_is_compared_after_the_commit() -> None:
    """The answer comes at once, and is counted."""
    line = Line()
    line.commit(digest=5)
    assert line.view.compare(line.first, 5) is True
    assert line.view.compare(line.first, 6) is False
    assert (health(line).digests_checked, health(line).divergences) == (2, 1)


def test_a_node_is_compared_before_the_commit() -> None:
    """Nodes may be ahead of the gateway: their digests wait for its commit."""
    line = Line()
    for digest in (5, 5, 5):
        assert line.view.compare(line.first, digest) is None
    assert health(line).replicas_equal is None
    line.commit(digest=5)
    assert health(line).replicas_equal is True
    assert (health(line).digests_checked, health(line).divergences) == (3, 0)
    assert line.lines() == []


def test_a_phase_long_gone_is_not_compared() -> None:
    """The gateway's digests are kept for 64 phases."""
    line = Line()
    for _ in range(65):
        line.commit(digest=1)
    assert line.view.compare(line.first, 1) is None
    assert line.view.compare(line.first + 1, 1) is True
    assert health(line).digests_checked == 1


def test_one_differing_node_makes_the_field_unequal_until_a_phase_is_clean() -> None:
    """The newest phase decides; the journal tells of the beginning and of the end."""
    line = Line()
    for digests in ((1, 1, 1), (2, 9, 2), (9, 3, 3), (4, 4, 4), (5, 5, 5)):
        line.commit(digest=max(digests, key=digests.count))
        for digest in digests:
            line.view.compare(line.phase - 1, digest)
        unequal = len(set(digests)) > 1
        assert health(line).replicas_equal is not unequal
        assert (summarise(line.view.snapshot()).state == "attention") is unequal
    assert (health(line).digests_checked, health(line).divergences) == (15, 2)
    assert line.lines() == [("divergence", "danger", None), ("resync", "info", None)]
    phase_us = line.site.phase_us
    times = [e.time_us for e in line.view.snapshot().events]
    assert times == [START_US + phase_us, START_US + 3 * phase_us]


def test_comparisons_on_air_are_the_cores() -> None:
    """Bits and whole digests count alike; the core says whether its replica is sound."""
    line = Line()
    line.commit(health=SOUND)
    assert health(line).replicas_equal is None
    line.commit(
        health=SOUND
        | {"bits_compared": 40, "bits_wrong": 2, "beacons_compared": 3, "beacons_wrong": 1}
    )
    assert (health(line).digests_checked, health(line).divergences) == (43, 3)
    assert health(line).replicas_equal is True


def test_divergence_on_air_begins_and_ends() -> None:
    """A line when the core doubts its replica, and one when it is well again."""
    line = Line()
    counted = SOUND | {"bits_compared": 20, "bits_wrong": 4}
    line.commit(health=SOUND)
    line.commit(health=counted | {"diverged": 1}, status=Status.DIVERGED)
    line.commit(health=counted | {"diverged": 1}, status=Status.DIVERGED)
    assert health(line).replicas_equal is False
    line.commit(health=counted | {"diverged": 0})
    assert health(line).replicas_equal is True
    assert line.lines() == [("divergence", "danger", None), ("resync", "info", None)]


def test_without_counters_the_status_tells_of_divergence() -> None:
    """An event without `health` still has the status of each node."""
    line = Line()
    line.commit(status=Status.DIVERGED)
    assert health(line).replicas_equal is False
    line.commit(status=Status.HELD)
    assert health(line).replicas_equal is None
    assert [kind for kind, _, _ in line.lines()] == ["divergence", "resync"]


def test_a_replica_that_waits_for_a_checkpoint_says_so() -> None:
    """A gateway that joins late cannot read some frames before a checkpoint has come."""
    line = Line()
    line.commit(health=SOUND | {"synced": 0})
    line.commit(health=SOUND | {"synced": 1, "adopted": 1})
    assert line.lines() == [
        ("resync", "notice", None),
        ("resync", "info", None),
        ("checkpoint", "notice", None),
    ]
    assert line.texts()[0] == "some frames cannot be read before a checkpoint has come"


def test_checkpoints_are_told_and_dated() -> None:
    """Verified and adopted ones count; one that came too late is told and does not."""
    line = Line()
    line.commit(health=SOUND)
    line.commit(health=SOUND | {"verified": 1})
    line.commit(health=SOUND | {"verified": 1, "adopted": 1})
    line.commit(health=SOUND | {"verified": 1, "adopted": 1, "missed_checkpoints": 1})
    assert [(kind, severity) for kind, severity, _ in line.lines()] == [
        ("checkpoint", "info"),
        ("checkpoint", "notice"),
        ("checkpoint", "notice"),
    ]
    assert [text.split()[0] for text in line.texts()] == ["verified:", "adopted:", "came"]
    assert health(line).checkpoints == 2
    assert health(line).last_checkpoint_us == START_US + 2 * line.site.phase_us


def test_what_a_replay_counted_is_no_news() -> None:
    """A replica made anew has replayed old frames: its counters make no lines and no dates."""
    line = Line()
    replayed = SOUND | {"verified": 2, "bits_compared": 500}
    line.commit(health=replayed)
    line.view.feed(ReplicaRebuilt(START_US, START_US, 700, "start"))
    line.commit(health=replayed)
    line.commit(health=SOUND | {"verified": 1, "bits_compared": 300})
    assert [kind for kind, _, _ in line.lines()] == ["info"]
    assert line.texts() == ["replica made from the frame log, 700 frames"]
    assert health(line).checkpoints == 1
    assert health(line).digests_checked == 300
    assert health(line).last_checkpoint_us is None


def test_time_that_goes_back_is_compared_anew() -> None:
    """A phase that is committed a second time is compared with its second digest."""
    line = Line()
    for digest in (1, 2, 3):
        line.commit(digest=digest)
        line.view.compare(line.phase - 1, digest)
    line.commit(digest=7, phase=line.first + 1)
    assert line.view.compare(line.first + 1, 7) is True
    assert line.view.compare(line.first + 2, 3) is None
    assert health(line).digest == "00000007"


def test_trouble_with_the_frame_log_is_told() -> None:
    """A log that cannot be written is serious; its recovery is not."""
    line = Line(has_clock=True)
    line.view.feed(StateChanged("full", "disk full"))
    line.view.feed(StateChanged("ok", ""))
    assert line.lines() == [("info", "danger", None), ("info", "info", None)]
    assert line.texts() == [
        "the frame log cannot be written: disk full",
        "the frame log works again",
    ]
    assert [e.time_us for e in line.view.snapshot().events] == [START_US, START_US]
