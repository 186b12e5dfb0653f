# SPDX-License-Identifier: Apache-2.0
"""The provisioning record: what Python writes is what the firmware's C reader reads."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qres import provisioning
from qres.core import Field
from qres.errors import RangeError
from qres.provisioning import ProvisioningError, decode, encode
from qres.site import SiteNode, phases, slot_ranks, xyz_m
from tests.qres.test_site import NODES, make_site
from tests.sources import ROOT

KEY = bytes(range(16))
MADE_S = 1_795_305_600  # 2026-11-22T00:00:00Z
SITE = make_site(
    [
        SiteNode(1, "south", 50.90, 3.80, 12.5),
        SiteNode(3, "north", 50.98, 3.81, 0.0),
        SiteNode(7, "Wörth – Höhe über dem großen Wald", 50.95, -3.7777777, 320.0),
    ]
)


def sealed(record: bytes) -> bytes:
    """*record* with a checksum that fits."""
    return record[:-4] + zlib.crc32(record[:-4]).to_bytes(4, "little")


def test_head_is_where_the_document_says() -> None:
    """Offsets by hand from docs/provisioning.md hold the values of the site file."""
    record = encode(SITE, 7, KEY, MADE_S)
    assert len(record) == 144 + 4 * 40 + 3 * 16 + 4
    assert record[:8] == b"QPRV" + struct.pack("<HH", 1, len(record))
    assert struct.unpack_from("<6I", record, 8) == (
        0xDEADBEEF,
        600,
        20_000,
        0,
        869_525_000,
        125_000,
    )
    assert struct.unpack_from("<HBBbBBBB", record, 32) == (8, 9, 1, 14, 0, 4, 3, 7)
    assert struct.unpack_from("<Iii", record, 44) == (
        *(Field(SITE).site_hash, 509_500_000, -37_777_777),
    )
    assert struct.unpack_from("<Q", record, 56) == (MADE_S,)
    assert record[64:80] == KEY
    assert record[80:112] == b"Rim".ljust(32, b"\0")


def test_document_and_c_header_state_the_same_sizes() -> None:
    """docs/provisioning.md, provision.h and provisioning.py agree on every size and the version."""
    header = (ROOT / "firmware/app/provision.h").read_text(encoding="utf-8")
    defined = dict(re.findall(r"#define QRES_PROVISION_(\w+) (\d+)", header))
    assert {k: int(v) for k, v in defined.items()} == {
        "VERSION": provisioning.VERSION,
        "HEAD": 144,
        "CHANNEL": 40,
        "MEMBER": 16,
        "MAX": provisioning.RECORD_MAX,
        "NAME": provisioning.NAME_BYTES,
    }
    document = (ROOT / "docs/provisioning.md").read_text(encoding="utf-8")
    assert f"at most {provisioning.RECORD_MAX} bytes" in document
    assert provisioning.PARTITION in document


@settings(max_examples=25)
@given(nodes=NODES, pick=st.integers(0, 19), made_s=st.integers(0, 2**64 - 1))
def test_round_trip(nodes: list[SiteNode], pick: int, made_s: int) -> None:
    """Identity, place, time and key survive writing and reading."""
    site = make_site(nodes)
    own = site.nodes[pick % len(nodes)]
    got = decode(encode(site, own.id, KEY, made_s) + b"\xff" * 100)
    assert (got.field_id, got.node_id, got.n_members) == (site.field_id, own.id, len(nodes))
    assert (got.lat_deg, got.lon_deg) == pytest.approx((own.lat_deg, own.lon_deg), abs=5.1e-8)
    assert (got.key, got.made_s, got.site_hash) == (KEY, made_s, Field(site).site_hash)
    assert own.name.startswith(got.node_name)
    assert got.node_name == own.name or len(got.node_name.encode()) > 28


def test_long_name_is_cut_between_characters() -> None:
    """A name of more than 32 bytes loses whole characters, never half of one."""
    name = decode(encode(SITE, 7, KEY, MADE_S)).node_name
    assert SITE.nodes[2].name.startswith(name)
    assert len(name.encode()) <= 32
    assert "\N{REPLACEMENT CHARACTER}" not in name


def test_key_is_not_printed() -> None:
    """Neither `repr` of a record nor an error about one holds any part of the key."""
    record = encode(SITE, 3, KEY, MADE_S)
    assert KEY.hex() not in repr(decode(record))
    assert repr(KEY) not in repr(decode(record))
    for end in range(len(record)):
        with pytest.raises(ProvisioningError) as caught:
            decode(record[:end])
        assert KEY.hex()[:8] not in str(caught.value)


@given(at=st.integers(0, 8 * 356 - 1))
def test_any_flipped_bit_is_noticed(at: int) -> None:
    """A record with one bit changed is refused."""
    record = encode(SITE, 3, KEY, MADE_S)
    bent = (int.from_bytes(record, "little") ^ 1 << at).to_bytes(len(record), "little")
    with pytest.raises(ProvisioningError):
        decode(bent)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    """Bytes behind the magic never raise anything but ProvisioningError."""
    with pytest.raises(ProvisioningError):
        decode(b"QPRV" + data)


def test_newer_records_are_refused() -> None:
    """Another version, or reserved bytes in use, are told apart from damage."""
    record = bytearray(encode(SITE, 3, KEY, MADE_S))
    record[41] = 1
    with pytest.raises(ProvisioningError, match="newer"):
        decode(sealed(bytes(record)))
    record[4] = 2
    with pytest.raises(ProvisioningError, match="version 2"):
        decode(sealed(bytes(record)))


def test_wrong_arguments_are_named() -> None:
    """An id that the site lacks, a short key and a time before 1970 are refused by name."""
    with pytest.raises(RangeError, match=r"node = 2: must be one of the site's ids: 1, 3, 7"):
        encode(SITE, 2, KEY, MADE_S)
    with pytest.raises(RangeError, match="key = 15 bytes"):
        encode(SITE, 3, KEY[1:], MADE_S)
    with pytest.raises(RangeError, match="made_s = -1"):
        encode(SITE, 3, KEY, -1)


def test_relays_stand_in_the_record_by_their_place() -> None:
    """Byte 3 of a member is 0, or 1 + its place among the site's relays (docs/provisioning.md)."""
    record = encode(replace(SITE, relays=(7, 1)), 3, KEY, MADE_S)
    assert [record[144 + 160 + 16 * i + 3] for i in range(3)] == [2, 0, 1]
    assert decode(record).site_hash != decode(encode(SITE, 3, KEY, MADE_S)).site_hash


def test_order_of_relays_is_part_of_the_fingerprint() -> None:
    """Sites whose relays speak in another order have another site hash (SPEC 2)."""
    hashes = {Field(replace(SITE, relays=r)).site_hash for r in [(), (1,), (1, 7), (7, 1)]}
    assert len(hashes) == 4


def test_largest_site_fits() -> None:
    """128 members and the four channels of wire version 1 stay below RECORD_MAX and one sector."""
    nodes = [SiteNode(i, f"n{i}", 45 + i / 1000, -120.0, 0.0) for i in range(128)]
    site = replace(make_site(nodes), epoch_s=3600)
    record = encode(site, 127, KEY, MADE_S)
    assert len(record) == 144 + 4 * 40 + 128 * 16 + 4 <= provisioning.RECORD_MAX <= 4096


def test_members_are_those_of_the_site() -> None:
    """Id, phase, slot and position of every member stand in the record in the order of ids."""
    record = encode(SITE, 3, KEY, MADE_S)
    rows = [struct.unpack_from("<BBBBiii", record, 144 + 160 + 16 * i) for i in range(3)]
    expected = [
        (n.id, p, s, 0, *at)
        for n, p, s, at in zip(
            SITE.nodes,
            phases(SITE).tolist(),
            slot_ranks(SITE).tolist(),
            xyz_m(SITE).tolist(),
            strict=True,
        )
    ]
    assert rows == expected
