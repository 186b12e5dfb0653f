# SPDX-License-Identifier: Apache-2.0
"""The vectors on disk: up to date, well formed, and true of the reference when read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from qres import reference as ref
from tests.vectors.as_json import (
    Json,
    echo_to_json,
    report_from_json,
    report_to_json,
    site_from_json,
    site_to_json,
    state_from_json,
    state_to_json,
)
from tests.vectors.cases_fire import hour_in_wind, isi_in_wind
from tests.vectors.generate import FILES, text_of

from .vector_relay import relay_checks

FOLDER = Path(__file__).resolve().parent.parent / "vectors"


@cache
def loaded(name: str) -> Json:
    """A file of vectors."""
    content: Json = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return content


ALL = [(name, v) for name in FILES for v in loaded(name)["vectors"]]


@cache
def site_of(file: str, name: str) -> ref.RefSite:
    """A site of a file of vectors."""
    return site_from_json(loaded(file)["sites"][name])


@pytest.mark.parametrize("name", FILES)
def test_vectors_are_up_to_date(name: str) -> None:
    """The file is what `python -m tests.vectors.generate` writes."""
    assert (FOLDER / name).read_text(encoding="utf-8") == text_of(name)


def test_every_vector_says_what_it_is() -> None:
    """Ids are unique; each vector has what, source and the wire version."""
    ids = [v["id"] for _, v in ALL]
    assert len(set(ids)) == len(ids)
    for _, v in ALL:
        assert v["what"], v["id"]
        assert "SPEC" in v["source"], v["id"]
        assert v["wire_version"] == ref.WIRE_VERSION, v["id"]


@pytest.mark.parametrize("file", FILES)
def test_sites_say_what_follows_from_them(file: str) -> None:
    """A site read back has the same hash, timing and lengths."""
    for name, given in loaded(file)["sites"].items():
        assert site_to_json(site_of(file, name)) == given


# ---- one check per kind of vector


def _numbers(function: Callable[..., int], *names: str) -> Callable[[str, Json], None]:
    """A check of a function of integers."""

    def check(_file: str, v: Json) -> None:
        assert function(*(v[n] for n in names)) == v["result"]

    return check


def check_bfp(_file: str, v: Json) -> None:
    """Weights to exponent and mantissas."""
    assert ref.bfp(v["w"]) == (v["e"], v["q"])


def check_airtime(_file: str, v: Json) -> None:
    """Time on air."""
    radio = {k: v[k] for k in ("sf", "bw_hz", "cr", "preamble_symbols")}
    assert ref.airtime_us(v["payload_bytes"], **radio) == v["result"]


def check_solve(_file: str, v: Json) -> None:
    """Solution of a small system."""
    assert ref.solve(np.array(v["matrix"], dtype=np.int64), v["r"]) == v["result"]


def check_commits(file: str, v: Json) -> None:
    """A run of commits, in the order given and in the opposite one."""
    site, state = site_of(file, v["site"]), state_from_json(v["start"])
    assert ref.digest(state) == v["start_digest"]
    for step in v["commits"]:
        reports = [report_from_json(r) for r in step["reports"]]
        state = ref.commit(site, state, reversed(reports))
        assert state.phase == step["phase"]
        assert ref.digest(state) == step["digest"], step["phase"]
        assert state_to_json(state) == step.get("state", state_to_json(state))
    assert state_to_json(state) == v["end"]


def check_decide(file: str, v: Json) -> None:
    """Samples to frame, and back to the report."""
    site, state = site_of(file, v["site"]), state_from_json(v["state"])
    chosen = ref.choose_report(
        site, state, v["member"], v["samples"], v["missed"], introduce=v["introduce"]
    )
    if chosen is None:
        assert v["form"] is None
        return
    form, report = chosen
    assert (form, report_to_json(report)) == (v["form"], v["report"])
    payload = ref.encode_report(site, form, report, v["digest_bit"])
    assert payload.hex() == v["payload_hex"]
    key, p = bytes.fromhex(v["key_hex"]), state.phase + 1
    frame = ref.seal_report(site, key, p, form, report, v["digest_bit"])
    assert frame.hex() == v["frame_hex"]
    assert ref.open_report(site, key, p, v["member"], state, frame).report == report


def check_open(file: str, v: Json) -> None:
    """Frame to report or error."""
    site, state = site_of(file, v["site"]), state_from_json(v["state"])
    key, frame = bytes.fromhex(v["key_hex"]), bytes.fromhex(v["frame_hex"])

    def opened() -> ref.OpenedReport:
        return ref.open_report(
            site, key, v["phase"], v["member"], state, frame, all_windows=v["all_windows"]
        )

    if "error" in v:
        assert _refusal(opened) == v["error"]
    else:
        assert report_to_json(opened().report) == v["report"]
        assert opened().digest_bit == v["digest_bit"]
        assert echo_to_json(opened().echo) == v.get("echo", echo_to_json(ref.NO_ECHO))
        p, o = v["phase"], opened()
        assert ref.seal_report(site, key, p, o.form, o.report, o.digest_bit, o.echo) == frame


def _refusal(call: Callable[[], object]) -> str:
    """The counter of a refusal."""
    with pytest.raises(ref.RefusedError) as caught:
        call()
    return str(caught.value.reason)


def check_era_key(_file: str, v: Json) -> None:
    """Key of an era."""
    key = bytes.fromhex(v["key_hex"])
    assert ref.era_key(key, v["field_id"], v["era"]).hex() == v["era_key_hex"]


def check_nonce(file: str, v: Json) -> None:
    """Nonce of a frame."""
    site = site_of(file, v["site"])
    assert ref.nonce(site, v["phase"], v["sender_id"], v["frame_kind"]).hex() == v["nonce_hex"]


def check_beacon(file: str, v: Json) -> None:
    """BEACON, both ways."""
    site, key = site_of(file, v["site"]), bytes.fromhex(v["key_hex"])
    frame = bytes.fromhex(v["frame_hex"])
    if "error" in v:
        assert _refusal(lambda: ref.open_beacon(site, key, frame)) == v["error"]
        return
    got = ref.open_beacon(site, key, frame)
    assert (got.member, got.phase, got.digest) == (v["member"], v["phase"], v["digest"])
    assert ref.seal_beacon(site, key, got.phase, got.member, got.digest) == frame


def check_fragments(_file: str, v: Json) -> None:
    """Blob to fragments, and back from the last K of them."""
    blob = bytes.fromhex(v["blob_hex"])
    assert ref.fragment_shape(len(blob)) == (v["k"], v["r"], v["d"])
    assert [f.hex() for f in ref.cut(blob)] == v["fragments_hex"]
    kept = list(enumerate(map(bytes.fromhex, v["fragments_hex"])))[-v["k"] :]
    assert ref.join(len(blob), dict(kept)) == blob


def check_shape(_file: str, v: Json) -> None:
    """Numbers of fragments."""
    if "error" in v:
        assert _refusal(lambda: ref.fragment_shape(v["blob_bytes"])) == v["error"]
    else:
        assert ref.fragment_shape(v["blob_bytes"]) == (v["k"], v["r"], v["d"])


def check_checkpoint(file: str, v: Json) -> None:
    """CHECKPOINT, both ways."""
    site, key = site_of(file, v["site"]), bytes.fromhex(v["key_hex"])
    p, member, frame = v["phase"], v["member"], bytes.fromhex(v["frame_hex"])
    if "error" in v:
        assert _refusal(lambda: ref.open_fragment(site, key, p, member, frame)) == v["error"]
        return
    data = bytes.fromhex(v["data_hex"])
    assert ref.open_fragment(site, key, p, member, frame) == (v["number"], v["blob_bytes"], data)
    assert ref.seal_fragment(site, key, p, member, v["number"], v["blob_bytes"], data) == frame


def check_schedule(file: str, v: Json) -> None:
    """Who sends what in the common slots of a day."""
    site = site_of(file, v["site"])
    first, n = site.era_start(v["era"]), v["n_fragments"]
    day = range(site.phases_per_day)
    beacons = [(i, b) for i in day if (b := ref.beacon_sender(site, first + i)) is not None]
    sent = [(i, j) for i in day if (j := ref.fragment_number(site, first + i, n)) is not None]
    assert ref.stride(site, v["era"], n) == v["stride"]
    assert [list(x) for x in beacons] == v["beacons"]
    assert [list(x) for x in sent] == v["fragments"]


def check_scribe(file: str, v: Json) -> None:
    """Who sends the checkpoint."""
    site = site_of(file, v["site"])
    snapshot = ref.State.initial(site, site.era_start(v["era"]) - 1)
    snapshot.last_report[:] = v["last_report"]
    assert ref.scribe_of(site, snapshot, v["era"]) == v["scribe"]


def check_blob(file: str, v: Json) -> None:
    """Blob, both ways."""
    site, blob = site_of(file, v["site"]), bytes.fromhex(v["blob_hex"])
    if "error" in v:
        assert _refusal(lambda: ref.blob_decode(site, blob, v["era"])) == v["error"]
        return
    state = ref.blob_decode(site, blob, v["era"])
    assert state_to_json(state) == v["state"]
    assert ref.digest(state) == v["digest"]
    assert ref.blob_encode(site, state).hex() == v.get("again_hex", v["blob_hex"])


def check_judge(file: str, v: Json) -> None:
    """Scores and causes of all members."""
    got = ref.judge(site_of(file, v["site"]), state_from_json(v["state"]))
    assert (got.regime, got.field_anomaly) == (v["regime"], v["field_anomaly"])
    for name in ("ffmc", "vpd", "isi", "anomaly", "weather", "local", "cause"):
        assert list(getattr(got, name)) == v[name], name


CHECKS: dict[str, Callable[[str, Json], None]] = {
    "hash": _numbers(ref.hash32, "words"),
    "rsh": _numbers(ref.rsh, "x", "n"),
    "rdiv": _numbers(ref.rdiv, "a", "b"),
    "isqrt": _numbers(ref.isqrt, "x"),
    "kernel": _numbers(ref.kernel_q16, "d_m", "range_m"),
    "season": _numbers(ref.season, "x"),
    "bfp": check_bfp,
    "airtime": check_airtime,
    "solve": check_solve,
    "commits": check_commits,
    "decide": check_decide,
    "open": check_open,
    "era_key": check_era_key,
    "nonce": check_nonce,
    "beacon": check_beacon,
    "fragments": check_fragments,
    "shape": check_shape,
    "checkpoint": check_checkpoint,
    "schedule": check_schedule,
    "scribe": check_scribe,
    "blob": check_blob,
    "ex2": _numbers(ref.fire.ex2, "y"),
    "lg2": _numbers(ref.fire.lg2, "x"),
    "vpd": _numbers(ref.fire.vpd, "temp", "rh"),
    "ffmc": _numbers(ref.fire.ffmc, "fuel"),
    "isi": _numbers(isi_in_wind, "fuel", "wind"),
    "fuel_hour": _numbers(hour_in_wind, "fuel", "temp", "rh", "wind", "rain"),
    "grade": _numbers(ref.grade, "s", "rare"),
    "judge": check_judge,
    **relay_checks(site_of),
}


@pytest.mark.parametrize(("file", "v"), ALL, ids=[v["id"] for _, v in ALL])
def test_vector(file: str, v: Json) -> None:
    """What the vector says is true, from the JSON alone."""
    CHECKS[v["kind"]](file, v)
