# SPDX-License-Identifier: Apache-2.0
"""
The protocol in Python, written from `node/SPEC.md` alone.

It exists to disagree with the C core: the two share no code, and the differential tests run both
on the same logs, bit for bit. Correct and legible first; a commit for 100 members takes a few
milliseconds. Nothing here talks to a radio.

Members are named by their *index*, channels by their number, physical values are Q16.16 integers,
times are microseconds since 1970.
"""

from __future__ import annotations

from . import fire
from .blob import blob_decode, blob_encode
from .channel import RefChannel, fire_channels
from .clock import FieldClock
from .echo import NO_ECHO, Echo, decode_echo, encode_echo, low_bits
from .fire_hour import fire_hour, hour_that_ends
from .fire_state import FireState
from .fixed import clip, clip16, hash32, isqrt, rdiv, rsh
from .fold import Report, begin_epoch, commit, end_epoch, held_value, priors, season, snap, solve
from .fragments import (
    beacon_sender,
    cut,
    fragment_number,
    fragment_shape,
    gf_div,
    gf_mul,
    join,
    scribe_of,
    stride,
)
from .frames import (
    Beacon,
    OpenedReport,
    beacon_header,
    era_key,
    nonce,
    open_beacon,
    open_fragment,
    open_report,
    seal_beacon,
    seal_fragment,
    seal_report,
)
from .health import Health
from .heard import Heard
from .history import History
from .judge import Judgement, grade, judge
from .kernel import airtime_us, kernel_q16
from .log import Entry, Key, choose_echo, read_low
from .origin import Origin
from .reasons import Reason, RefusedError
from .relay import (
    Relay,
    RelayFragment,
    RelayRecord,
    decode_relay,
    encode_relay,
    open_relay,
    seal_relay,
)
from .relay_slots import choose_records
from .replica import Replica
from .report import (
    Reading,
    associated_data,
    choose_report,
    encode_report,
    form_of_length,
    predicted_k,
    readings,
    tolerance,
)
from .site import WIRE_VERSION, RefMember, RefSite
from .state import State, bfp, digest, weights

__all__ = [
    "NO_ECHO",
    "WIRE_VERSION",
    "Beacon",
    "Echo",
    "Entry",
    "FieldClock",
    "FireState",
    "Health",
    "Heard",
    "History",
    "Judgement",
    "Key",
    "OpenedReport",
    "Origin",
    "Reading",
    "Reason",
    "RefChannel",
    "RefMember",
    "RefSite",
    "RefusedError",
    "Relay",
    "RelayFragment",
    "RelayRecord",
    "Replica",
    "Report",
    "State",
    "airtime_us",
    "associated_data",
    "beacon_header",
    "beacon_sender",
    "begin_epoch",
    "bfp",
    "blob_decode",
    "blob_encode",
    "choose_echo",
    "choose_records",
    "choose_report",
    "clip",
    "clip16",
    "commit",
    "cut",
    "decode_echo",
    "decode_relay",
    "digest",
    "encode_echo",
    "encode_relay",
    "encode_report",
    "end_epoch",
    "era_key",
    "fire",
    "fire_channels",
    "fire_hour",
    "form_of_length",
    "fragment_number",
    "fragment_shape",
    "gf_div",
    "gf_mul",
    "grade",
    "hash32",
    "held_value",
    "hour_that_ends",
    "isqrt",
    "join",
    "judge",
    "kernel_q16",
    "low_bits",
    "nonce",
    "open_beacon",
    "open_fragment",
    "open_relay",
    "open_report",
    "predicted_k",
    "priors",
    "rdiv",
    "read_low",
    "readings",
    "rsh",
    "scribe_of",
    "seal_beacon",
    "seal_fragment",
    "seal_relay",
    "seal_report",
    "season",
    "snap",
    "solve",
    "stride",
    "tolerance",
    "weights",
]
