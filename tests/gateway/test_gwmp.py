# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres_gateway.sources import gwmp

EUI = bytes.fromhex("aa555a0000000101")

# Source: the rxpk example in section 4 of packet_forwarder/PROTOCOL.md, Lora-net/sx1302_hal.
SPEC_EXAMPLE = """
{"rxpk":[{"time":"2013-03-31T16:21:17.528002Z","tmst":3512348611,"chan":2,"rfch":0,
"freq":866.349812,"stat":1,"modu":"LORA","datr":"SF7BW125","codr":"4/6","rssi":-35,"lsnr":5.1,
"size":32,"data":"-DS4CGaDCdG+48eJNM3Vai-zDpsR71Pn9CPA9uCON84"},
{"time":"2013-03-31T16:21:17.530974Z","tmst":3512348514,"chan":9,"rfch":1,"freq":869.1,"stat":1,
"modu":"FSK","datr":50000,"rssi":-75,"size":16,"data":"VEVTVF9QQUNLRVRfMTIzNA=="},
{"time":"2013-03-31T16:21:17.532038Z","tmst":3316387610,"chan":0,"rfch":0,"freq":863.00981,
"stat":1,"modu":"LORA","datr":"SF10BW125","codr":"4/7","rssi":-38,"lsnr":5.5,"size":32,
"data":"ysgRl452xNLep9S1NTIg2lomKDxUgn3DJ7DE+b00Ass"}]}
"""


def push(body: str | bytes, token: bytes = b"\x12\x34") -> bytes:
    """A PUSH_DATA datagram."""
    text = body.encode() if isinstance(body, str) else body
    return b"\x02" + token + b"\x00" + EUI + text


def rxpk(**fields: Any) -> dict[str, Any]:
    """A good packet, with some fields replaced; None removes one."""
    good = {
        "tmst": 1000,
        "freq": 868.3,
        "stat": 1,
        "modu": "LORA",
        "datr": "SF9BW125",
        "codr": "4/5",
        "rssi": -101,
        "lsnr": -3.2,
        "size": 6,
        "data": "AQIDBAUG",
    }
    return {name: value for name, value in {**good, **fields}.items() if value is not None}


def parsed(*packets: dict[str, Any]) -> gwmp.Datagram:
    """A datagram of these packets, parsed."""
    found = gwmp.parse(push(json.dumps({"rxpk": packets})))
    assert isinstance(found, gwmp.Datagram)
    return found


def only(**fields: Any) -> gwmp.Packet:
    """The one packet that is accepted."""
    found = parsed(rxpk(**fields))
    assert found.refused == ()
    return found.packets[0]


def test_example_of_the_protocol_document() -> None:
    """The document's own example: its first data is no base64, its second is FSK."""
    found = gwmp.parse(push(SPEC_EXAMPLE))
    assert isinstance(found, gwmp.Datagram)
    assert found.kind == "push_data"
    assert found.token == b"\x12\x34"
    assert found.gateway_eui == "aa555a0000000101"
    assert found.refused == ("base64", "modulation")
    (packet,) = found.packets
    assert packet.payload.hex() == (
        "cac811978e76c4d2dea7d4b5353220da5a26283c54827dc327b0c4f9bd3402cb"
    )
    assert packet.freq_hz == 863_009_810
    assert (packet.sf, packet.bw_hz) == (10, 125_000)
    assert (packet.rssi_dbm, packet.snr_db) == (-38.0, 5.5)
    assert packet.tmst_us == 3_316_387_610
    assert packet.utc_us is None  # 2013: a clock that was never set


def test_example_of_a_status_report() -> None:
    """The document's own stat object is understood, without packets."""
    # Source: the stat example in section 4 of the same document.
    text = """{"stat":{"time":"2014-01-12 08:59:28 GMT","lati":46.24000,"long":3.25230,"alti":145,
    "rxnb":2,"rxok":2,"rxfw":2,"ackr":100.0,"dwnb":2,"txnb":2,"temp": 23.2}}"""
    found = gwmp.parse(push(text))
    assert isinstance(found, gwmp.Datagram)
    assert found.packets == ()
    assert found.status == gwmp.Status(2, 2, 2, 100.0, 23.2)


REFUSED_DATAGRAMS = [
    (b"", "short"),
    (b"\x02\x00\x00\x00" + EUI[:7], "short"),
    (b"\x01\x00\x00\x00" + EUI + b"{}", "version"),
    (b"\x02\x00\x00\x05" + EUI, "identifier"),
    (b"\x02\x00\x00\x03" + EUI + b"{}", "identifier"),
    (push(""), "json"),
    (push("[]"), "json"),
    (push('{"rxpk":{}}'), "json"),
    (push('{"rxpk":[]'), "json"),
    (push('{"stat":}'), "json"),
    (push('{"a":' * 30_000), "json"),
]
REFUSED_PACKETS = [
    ({"tmst": "soon"}, "field"),
    ({"rssi": [1]}, "field"),
    ({"data": None}, "no_data"),
    ({"data": ""}, "no_data"),
    ({"data": "AQIDBAU"}, "size"),
    ({"data": "AQIDBAUGB"}, "base64"),
    ({"data": "AQID-_UG"}, "base64"),
    ({"data": "AQID BAUG"}, "base64"),
    ({"data": "AQ=DBAUG"}, "base64"),
    ({"data": "é"}, "base64"),
    ({"data": base64.b64encode(bytes(256)).decode(), "size": 256}, "length"),
    ({"stat": -1}, "crc_bad"),
    ({"stat": 0}, "crc_none"),
    ({"stat": 7}, "crc_unknown"),
    ({"stat": None}, "crc_unknown"),
    ({"modu": "FSK", "datr": 50000}, "modulation"),
    ({"modu": None}, "modulation"),
    ({"datr": "SF13BW125"}, "datarate"),
    ({"datr": "SF9BW126"}, "datarate"),
    ({"datr": 9}, "datarate"),
    ({"freq": 0.0}, "frequency"),
    ({"freq": 1e300}, "frequency"),
    ({"freq": None}, "frequency"),
]


@pytest.mark.parametrize(("datagram", "reason"), REFUSED_DATAGRAMS)
def test_refused_datagrams(datagram: bytes, reason: str) -> None:
    """What is no datagram from a forwarder is refused whole, with the reason."""
    assert gwmp.parse(datagram) == gwmp.Refusal(reason)


@pytest.mark.parametrize(("fields", "reason"), REFUSED_PACKETS)
def test_refused_packets(fields: dict[str, Any], reason: str) -> None:
    """One bad packet is refused with its reason; its neighbours in the datagram are not."""
    bad = {name: value for name, value in {**rxpk(), **fields}.items() if value is not None}
    found = parsed(rxpk(), bad, rxpk())
    assert found.refused == (reason,)
    assert len(found.packets) == 2


def test_every_reason_has_a_case() -> None:
    """The published list of reasons is exactly what these tests can provoke."""
    assert {reason for _, reason in REFUSED_DATAGRAMS + REFUSED_PACKETS} == set(gwmp.REASONS)


@pytest.mark.parametrize("n_bytes", range(1, 256))
def test_base64_with_and_without_padding(n_bytes: int) -> None:
    """Payloads of every length are read, padded as the document says or bare as it shows."""
    payload = bytes(range(n_bytes))
    padded = base64.b64encode(payload).decode()
    assert only(data=padded, size=n_bytes).payload == payload
    assert only(data=padded.rstrip("="), size=None).payload == payload


@pytest.mark.parametrize(
    ("datr", "sf", "bw_hz"),
    [("SF5BW500", 5, 500_000), ("SF12BW250", 12, 250_000), ("SF7BW62.5", 7, 62_500)],
)
def test_data_rates(datr: str, sf: int, bw_hz: int) -> None:
    """Spreading factor and bandwidth are read, whole and fractional kHz."""
    packet = only(datr=datr)
    assert (packet.sf, packet.bw_hz) == (sf, bw_hz)


def microseconds(moment: datetime) -> int:
    """Since the Unix epoch."""
    return round(moment.timestamp()) * 1_000_000


def test_time_alone_is_the_receivers_own_clock() -> None:
    """Without `tmms` nobody vouches for `time`, so it is not GNSS time."""
    packet = only(time="2026-11-22T17:00:00.123456Z")
    assert packet.utc_us == microseconds(datetime(2026, 11, 22, 17, tzinfo=UTC)) + 123_456
    assert packet.gps_us is None


def test_tmms_is_gps_time() -> None:
    """`tmms` counts milliseconds of GPS time, 18 s ahead of UTC."""
    # Source: 2020-01-01T00:00:00Z is GPS week 2086, second 259218 of the week.
    tmms = (2086 * 604_800 + 259_218) * 1000
    packet = only(tmms=tmms + 7)
    assert packet.gps_us == microseconds(datetime(2020, 1, 1, tzinfo=UTC)) + 7_000


def test_time_confirmed_by_tmms_keeps_its_microseconds() -> None:
    """Where both agree to the millisecond, `time` is GNSS time with the finer digits."""
    tmms = (2086 * 604_800 + 259_218) * 1000
    packet = only(tmms=tmms + 7, time="2020-01-01T00:00:00.007999Z")
    assert packet.gps_us == microseconds(datetime(2020, 1, 1, tzinfo=UTC)) + 7_999
    other = only(tmms=tmms + 7, time="2020-01-01T00:00:01.007999Z")
    assert other.gps_us == microseconds(datetime(2020, 1, 1, tzinfo=UTC)) + 7_000


@pytest.mark.parametrize(
    "time", ["", "yesterday", "1970-01-01T00:00:12Z", "2026-13-01T00:00:00Z", "0001-01-01"]
)
def test_a_useless_time_does_not_cost_the_frame(time: str) -> None:
    """A time that cannot be read, or lies before this project, is left out."""
    packet = only(time=time)
    assert (packet.utc_us, packet.gps_us) == (None, None)


def test_tmst_out_of_range_is_left_out() -> None:
    """A counter that is not 32 bits is no counter."""
    assert only(tmst=1 << 32).tmst_us is None
    assert only(tmst=-1).tmst_us is None
    assert only(tmst=(1 << 32) - 1).tmst_us == (1 << 32) - 1


def test_acknowledgements() -> None:
    """PUSH_DATA and PULL_DATA are answered with their own token and nothing more."""
    # Source: sections 3.3 and 5.3 of the same document.
    assert gwmp.acknowledge(push("{}", b"\xab\xcd")) == b"\x02\xab\xcd\x01"
    assert gwmp.acknowledge(b"\x02\xab\xcd\x02" + EUI) == b"\x02\xab\xcd\x04"


def test_bad_json_is_still_acknowledged() -> None:
    """The answer belongs to the datagram: it is owed before the content is looked at."""
    assert gwmp.acknowledge(push("no json")) == b"\x02\x12\x34\x01"


datagrams = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda version, token, kind, rest: bytes([version]) + token + bytes([kind]) + EUI + rest,
        st.integers(0, 255),
        st.binary(min_size=2, max_size=2),
        st.integers(0, 255),
        st.binary(max_size=40),
    ),
)


@given(datagrams)
def test_any_bytes_yield_nothing_or_an_acknowledgement(datagram: bytes) -> None:
    """Whatever arrives, all that can leave is nothing or 4 bytes with identifier 1 or 4."""
    answer = gwmp.acknowledge(datagram)
    assert answer == b"" or (
        len(answer) == 4 and answer[:3] == datagram[:3] and answer[3] in {0x01, 0x04}
    )


@given(datagrams)
def test_any_bytes_parse_or_are_refused(datagram: bytes) -> None:
    """The parser never raises, and names one of its reasons if it refuses."""
    found = gwmp.parse(datagram)
    if isinstance(found, gwmp.Refusal):
        assert found.reason in gwmp.REASONS


def in_base64(data: bytes) -> str:
    """As a forwarder writes it."""
    return base64.b64encode(data).decode()


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
hostile_times = st.one_of(json_values, st.datetimes().map(lambda moment: moment.isoformat() + "Z"))
hostile_packets = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(rxpk(), json_values),
        **{name: st.just(value) for name, value in rxpk().items() if name not in {"data", "size"}},
        "time": hostile_times,
        "tmms": json_values,
        "data": st.one_of(json_values, st.binary(max_size=300).map(in_base64)),
    },
)


@given(st.lists(hostile_packets | json_values, max_size=4), json_values)
def test_any_json_parses_or_is_refused(packets: list[Any], status: Any) -> None:
    """Well-formed JSON of the wrong shape is refused packet by packet and never raises."""
    found = gwmp.parse(push(json.dumps({"rxpk": packets, "stat": status})))
    if isinstance(found, gwmp.Refusal):
        assert found.reason == "json"  # half of a surrogate pair is no JSON
        return
    assert set(found.refused) <= set(gwmp.REASONS)
    bad_status = status is not None and found.status is None
    assert len(found.packets) + len(found.refused) == len(packets) + bad_status
    for packet in found.packets:
        assert 1 <= len(packet.payload) <= 255
        assert 5 <= packet.sf <= 12
