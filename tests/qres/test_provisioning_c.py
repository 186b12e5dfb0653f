# SPDX-License-Identifier: Apache-2.0
"""firmware/app/provision.c reads what qres.provisioning writes, and survives everything else."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from qres import provisioning
from qres.core import ERRORS, Field
from qres.provisioning import encode
from qres.site import Site, SiteNode
from tests.flash.provision_build import build_rig
from tests.qres.test_battery import with_battery
from tests.qres.test_provisioning import KEY, MADE_S, SITE, sealed
from tests.qres.test_site import make_site


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader with its rig, under ASan and UBSan."""
    return build_rig(tmp_path_factory.mktemp("provision"))


def dump(rig: Path, record: bytes) -> dict[str, list[str]]:
    """What the C reader makes of *record*: name to values."""
    done = subprocess.run([rig, "dump"], input=record, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    out: dict[str, list[str]] = {}
    for line in done.stdout.decode().splitlines():
        name, _, value = line.partition("=")
        out.setdefault(name, []).append(value)
    return out


def refused(rig: Path, record: bytes) -> str:
    """The reason for which the C reader refuses *record*; "" if it accepts it."""
    code = int(dump(rig, record)["returned"][0])
    return ERRORS[-code] if code < 0 else ""


def big_site() -> Site:
    """128 members, every option set, as many relays as there may be, not in order."""
    nodes = [SiteNode(i, f"n{i}", 45 + i / 1000, -120.0 - i / 777, 3 * i) for i in range(128)]
    site = make_site(nodes, relays=(127, 0, 64, 3, 9, 1, 126, 40))
    return replace(site, epoch_s=3600, echo=True, follow=True, tx_power_dbm=-9, sf=7, cr="4/8")


@pytest.mark.parametrize(
    ("site", "node_id"),
    [(SITE, 7), (big_site(), 127), (with_battery(), 1), (replace(SITE, relays=(7, 1)), 3)],
    ids=["3", "128", "battery", "relays"],
)
def test_c_reads_what_python_writes(rig: Path, site: Site, node_id: int) -> None:
    """Every value of the record is the same in C, and the field derived from it has its hash."""
    got = dump(rig, encode(site, node_id, KEY, MADE_S) + b"\xff" * 64)
    field = Field(site)
    s = field.c.site
    own = next(n for n in site.nodes if n.id == node_id)
    names = ("field_id", "epoch_s", "range_m", "echo", "follow")
    assert {n: int(got[n][0]) for n in names} == {n: getattr(s, n) for n in names}
    assert got["relays"] == [",".join(str(site.ids.index(i)) for i in site.relays)]
    cr = int(site.cr[-1]) - 4
    assert got["lora"] == [f"{site.bw_hz},{site.preamble_symbols},{site.sf},{cr},1,0"]
    assert got["counts"] == [f"{len(site.channels)},{len(site.nodes)}"]
    assert got["self"] == [str(site.ids.index(node_id))]
    assert (got["region"], got["freq_hz"]) == ([site.region], [str(site.freq_hz)])
    assert got["power"] == [str(site.tx_power_dbm)]
    assert got["key"] == [KEY.hex()]
    assert got["made_s"] == [str(MADE_S)]
    assert got["at"] == [f"{round(own.lat_deg * 1e7)},{round(own.lon_deg * 1e7)}"]
    assert got["field_name"] == [site.name]
    assert own.name.startswith(got["node_name"][0])
    assert got["channel"] == [
        ",".join(map(str, (c.tol, c.step, c.lo, c.hi, c.rho, c.flags, *c.w0))) for c in s.channel
    ]
    assert got["member"] == [f"{m.id},{m.phase},{m.slot},{m.x_m},{m.y_m},{m.z_m}" for m in s.member]
    assert got["field"] == ["0"]
    assert got["site_hash"] == got["derived_hash"] == [str(field.site_hash)]


def test_c_says_why_it_refuses(rig: Path) -> None:
    """Absent, cut, damaged, newer and impossible records each have their reason."""
    record = encode(SITE, 3, KEY, MADE_S)
    assert refused(rig, record) == ""
    assert refused(rig, b"\xff" * 4096) == "format"
    assert refused(rig, b"") == "length"
    assert refused(rig, record[:-1]) == "length"
    assert refused(rig, record[:100] + b"\x01" + record[101:]) == "format"
    assert refused(rig, sealed(record[:4] + b"\x02\x00" + record[6:])) == "version"
    for at, value, reason in (
        (6, 9, "format"),  # length
        (23, 1, "format"),  # an option that is not known
        (34, 13, "invalid"),  # spreading factor
        (36, 31, "invalid"),  # power
        (37, 3, "invalid"),  # AS923: its rules are not known
        (37, 9, "invalid"),  # no region
        (38, 7, "format"),  # channels
        (39, 0, "format"),  # members
        (40, 9, "invalid"),  # an id that is no member's
        (43, 1, "format"),  # reserved
        (51, 0x7F, "invalid"),  # latitude
        (63, 0x7F, "invalid"),  # a time beyond 64 bits of microseconds
        (144 + 160 + 1, 4, "invalid"),  # phase of a member
    ):
        bent = bytearray(record)
        bent[at] = value
        assert refused(rig, sealed(bytes(bent))) == reason, at


def with_places(*places: int) -> bytes:
    """A record whose 3 members, in order, have these places among the relays."""
    bent = bytearray(encode(SITE, 3, KEY, MADE_S))
    for i, place in enumerate(places):
        bent[144 + 160 + 16 * i + 3] = place
    return sealed(bytes(bent))


@pytest.mark.parametrize(
    "places",
    [(2, 0, 0), (1, 0, 3), (0, 9, 0), (0, 0, 255), (8, 7, 6), (1, 1, 0), (2, 1, 1)],
    ids=["first", "second", "ninth", "no place", "8 without 1..5", "twice", "twice, later"],
)
def test_c_refuses_relays_with_gaps_and_a_ninth(rig: Path, places: tuple[int, ...]) -> None:
    """Places that are not 1, 2, 3, ... up to 8 are refused as `invalid`."""
    assert refused(rig, with_places(0, 2, 1)) == ""
    assert refused(rig, with_places(*places)) == "invalid"


def test_bent_records_do_no_harm(rig: Path) -> None:
    """20 000 records with changed bytes, most with a right checksum: no report of ASan or UBSan."""
    record = encode(SITE, 3, KEY, MADE_S)
    done = subprocess.run(
        [rig, "bend", "20000"], input=record, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.slow
def test_fuzzer_finds_nothing(tmp_path: Path) -> None:
    """20 s of libFuzzer with ASan and UBSan, seeded with genuine records, end without a finding."""
    clang = shutil.which("clang")
    if clang is None:
        pytest.skip("clang is missing; Debian has it in clang and libclang-rt-dev")
    try:
        program = build_rig(tmp_path, "-DQRES_FUZZ", "-O1", "-fsanitize=fuzzer", compiler=clang)
    except OSError as error:
        if "libclang_rt.fuzzer" not in str(error):
            raise
        pytest.skip("clang has no libFuzzer; Debian has it in libclang-rt-dev")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "small").write_bytes(encode(SITE, 3, KEY, MADE_S))
    (corpus / "big").write_bytes(encode(big_site(), 5, KEY, MADE_S))
    options = (f"-max_len={provisioning.RECORD_MAX}", "-max_total_time=20", "-seed=1")
    done = subprocess.run(
        [program, *options, f"-artifact_prefix={tmp_path}/", corpus],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "DONE" in done.stderr
