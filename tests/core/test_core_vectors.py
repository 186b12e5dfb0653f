# SPDX-License-Identifier: Apache-2.0
"""Every vector through the C core, from the JSON: states are written, public functions asked."""

from __future__ import annotations

from typing import Final

import pytest

from tests.core import vector_fire, vector_fold, vector_frames, vector_relay, vector_report
from tests.core.vector_rig import ALL, IN_PART, NOT_RUN, TAKEN_AS_ANOTHERS, loaded, new_field
from tests.vectors.as_json import Json
from tests.vectors.generate import FILES

CHECKS: Final = (
    vector_fold.CHECKS
    | vector_report.CHECKS
    | vector_frames.CHECKS
    | vector_fire.CHECKS
    | vector_relay.CHECKS
)

RUN: Final = [(file, v) for file, v in ALL if v["id"] not in NOT_RUN]


@pytest.mark.parametrize(("file", "v"), RUN, ids=[v["id"] for _, v in RUN])
def test_vector_is_true_of_the_core(file: str, v: Json) -> None:
    """What the vector says is true of the C core, from the JSON alone."""
    CHECKS[v["kind"]](file, v)


def test_no_kind_of_vector_is_left_out() -> None:
    """Each kind has a check here, each check has vectors that it is run on."""
    assert {v["kind"] for _, v in ALL} == {v["kind"] for _, v in RUN} == set(CHECKS)


def test_exceptions_are_of_vectors_that_exist() -> None:
    """Each exception names a vector, and none is named twice."""
    tables = [*NOT_RUN, *IN_PART, TAKEN_AS_ANOTHERS]
    assert len(set(tables)) == len(tables)
    assert set(tables) <= {v["id"] for _, v in ALL}


@pytest.mark.parametrize("file", FILES)
def test_core_derives_what_sites_say(file: str) -> None:
    """What follows from a site (hash, timing, lengths) is the same in the core and the vectors."""
    for name, given in loaded(file)["sites"].items():
        field = new_field(file, name)
        derived = {
            "site_hash": field.site_hash,
            "slot_us": field.slot_us,
            "common_us": field.common_us,
            "commit_after_us": field.commit_us,
            "form_bytes": {
                "S": field.form_s,
                **({"R": field.form_r} if field.rider0 < 6 else {}),
                "M": field.form_m,
            },
            "heartbeat": field.heartbeat_phases,
            "stale_after": field.stale_phases,
            "beacon_every": field.beacon_phases,
        }
        expected = dict(given["derived"])
        longest = expected.pop("report_max")
        assert derived == expected, name
        assert field.slot_us - field.guard_us - field.airtime_us[longest] in range(10_000), name
