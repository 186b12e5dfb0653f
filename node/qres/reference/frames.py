# SPDX-License-Identifier: Apache-2.0
"""Frames on air: nonce, key of an era, AES-CCM, REPORT, BEACON and CHECKPOINT (SPEC 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from .echo import NO_ECHO, Echo
from .fold import Report
from .reasons import Reason, RefusedError
from .report import Reading, associated_data, encode_report, form_of_length, readings
from .site import WIRE_VERSION, RefSite
from .state import State

__all__ = [
    "BEACON",
    "CHECKPOINT",
    "REPORT",
    "Beacon",
    "OpenedReport",
    "beacon_header",
    "ccm_of",
    "era_key",
    "nonce",
    "open_beacon",
    "open_fragment",
    "open_report",
    "seal_beacon",
    "seal_fragment",
    "seal_report",
]

REPORT, BEACON, CHECKPOINT = 1, 2, 3
"""Kinds of frames, SPEC 6."""

TAG_BYTES = 4
BEACON_BYTES = 16
FRAME_MAX = 51


def era_key(key: bytes, field_id: int, era: int) -> bytes:
    """K_E, the key of era *era* from the field's 16-byte *key*, SPEC 6."""
    block = b"QRES" + field_id.to_bytes(4, "little") + era.to_bytes(4, "little") + bytes(4)
    one_block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  SPEC 6
    return one_block.update(block) + one_block.finalize()


def nonce(site: RefSite, p: int, sender_id: int, kind: int) -> bytes:
    """The 13-byte nonce of a frame that member *sender_id* sends in phase *p*, SPEC 6."""
    return (
        site.field_id.to_bytes(4, "little")
        + p.to_bytes(4, "little")
        + bytes([sender_id, kind, 0])
        + site.site_hash16.to_bytes(2, "little")
    )


def ccm_of(site: RefSite, key: bytes, p: int) -> AESCCM:
    """AES-128-CCM with a 4-byte tag under the key of the era of phase *p*, SPEC 6."""
    return AESCCM(era_key(key, site.field_id, site.era_of(p)), tag_length=TAG_BYTES)


# ---- SPEC 6.1: REPORT


def seal_report(
    site: RefSite,
    key: bytes,
    p: int,
    form: str,
    report: Report,
    digest_bit: int,
    echo: Echo = NO_ECHO,
) -> bytes:
    """The REPORT of a member in phase *p* as it goes on air, SPEC 6.1 and 6.5."""
    payload = encode_report(site, form, report, digest_bit, echo)
    data = associated_data(len(payload), report.included, report.absent, report.k)
    iv = nonce(site, p, site.members[report.member].id, REPORT)
    return ccm_of(site, key, p).encrypt(iv, payload, data)


@dataclass(frozen=True)
class OpenedReport:
    """
    An authentic REPORT.

    Attributes:
        form: "S", "R", "M" or "X".
        report: What it says.
        digest_bit: Bit 0 of the digest of the sender's state of the phase before.
        echo: What it repeats.
    """

    form: str
    report: Report
    digest_bit: int
    echo: Echo


def open_report(
    site: RefSite,
    key: bytes,
    p: int,
    member: int,
    state: State,
    frame: bytes,
    *,
    all_windows: bool = True,
    count: Callable[[], None] = lambda: None,
) -> OpenedReport:
    """
    Read a frame as the REPORT of *member* in phase *p*, SPEC 6.1.

    Args:
        site: The site.
        key: The field key, 16 bytes.
        p: Phase in which it was sent.
        member: Index of the supposed sender.
        state: The receiver's state of phase p-1, or its newest.
        frame: Ciphertext and tag.
        all_windows: Try the neighbouring windows too.
        count: Called for each tag computed.

    Raises:
        RefusedError: LENGTH, TAG, or RESERVED if it is authentic but breaks a rule.
    """
    form = form_of_length(site, len(frame) - TAG_BYTES)
    ccm = ccm_of(site, key, p)
    iv = nonce(site, p, site.members[member].id, REPORT)
    body = frame[:-TAG_BYTES]
    # The cipher is a key stream: what it does to zeros undoes it, whatever the tag.
    stream = ccm.encrypt(iv, bytes(len(body)), None)
    payload = bytes(a ^ b for a, b in zip(body, stream, strict=False))
    for reading in readings(site, state, member, payload, all_windows=all_windows):
        count()
        if _proves(ccm, iv, frame, reading):
            if reading.problem:
                raise RefusedError(Reason.RESERVED, reading.problem)
            report = Report(member, reading.included, reading.absent, reading.k)
            return OpenedReport(form, report, reading.digest_bit, reading.echo)
    raise RefusedError(Reason.TAG, f"no reading as member {member} in phase {p} is authentic")


def _proves(ccm: AESCCM, iv: bytes, frame: bytes, reading: Reading) -> bool:
    """Whether the tag of *frame* proves *reading*."""
    length = len(frame) - TAG_BYTES
    try:
        ccm.decrypt(iv, frame, associated_data(length, reading.included, reading.absent, reading.k))
    except InvalidTag:
        return False
    return True


# ---- SPEC 6.3: BEACON


@dataclass(frozen=True)
class Beacon:
    """
    An authentic BEACON.

    Attributes:
        member: Index of the sender.
        phase: Phase in which it was sent.
        digest: Digest of the sender's state of the phase before.
    """

    member: int
    phase: int
    digest: int


def seal_beacon(site: RefSite, key: bytes, p: int, member: int, digest: int) -> bytes:
    """
    The BEACON of *member* in phase *p*, SPEC 6.3.

    Args:
        site: The site.
        key: The field key, 16 bytes.
        p: Phase in which it is sent.
        member: Index of the sender.
        digest: Digest of the sender's state of phase p-1.
    """
    sender_id = site.members[member].id
    head = bytes([0xB0 + WIRE_VERSION, sender_id]) + p.to_bytes(4, "little")
    head += site.site_hash16.to_bytes(2, "little")
    iv = nonce(site, p, sender_id, BEACON)
    return head + ccm_of(site, key, p).encrypt(iv, digest.to_bytes(4, "little"), head)


def beacon_header(site: RefSite, frame: bytes) -> tuple[int, int]:
    """
    What a BEACON claims to be, before its tag is looked at, SPEC 6.3.

    Returns:
        Index of the sender and phase in which it was sent.

    Raises:
        RefusedError: LENGTH, TAG if the first byte is no BEACON's, VERSION or SITE.
    """
    if len(frame) != BEACON_BYTES:
        raise RefusedError(Reason.LENGTH, f"{len(frame)} B: a BEACON has {BEACON_BYTES}")
    if frame[0] >> 4 != 0xB:
        raise RefusedError(Reason.TAG, f"first byte {frame[0]:#04x}: not a BEACON")
    if frame[0] != 0xB0 + WIRE_VERSION:
        raise RefusedError(Reason.VERSION, f"wire version {frame[0] & 15}, not {WIRE_VERSION}")
    members = [i for i, m in enumerate(site.members) if m.id == frame[1]]
    if int.from_bytes(frame[6:8], "little") != site.site_hash16 or not members:
        raise RefusedError(Reason.SITE, "site hash or id of another site")
    return members[0], int.from_bytes(frame[2:6], "little")


def open_beacon(site: RefSite, key: bytes, frame: bytes) -> Beacon:
    """
    Read a BEACON, SPEC 6.3.

    Raises:
        RefusedError: As `beacon_header`, or TAG.
    """
    member, p = beacon_header(site, frame)
    iv = nonce(site, p, frame[1], BEACON)
    try:
        plain = ccm_of(site, key, p).decrypt(iv, frame[8:], frame[:8])
    except InvalidTag:
        raise RefusedError(Reason.TAG, f"BEACON of id {frame[1]} in phase {p}") from None
    return Beacon(member, p, int.from_bytes(plain, "little"))


# ---- SPEC 6.4: CHECKPOINT


def seal_fragment(
    site: RefSite, key: bytes, p: int, member: int, number: int, blob_bytes: int, data: bytes
) -> bytes:
    """
    One CHECKPOINT frame, SPEC 6.4.

    Args:
        site: The site.
        key: The field key, 16 bytes.
        p: Phase in which it is sent.
        member: Index of the sender.
        number: Number j of the fragment.
        blob_bytes: Length of the whole blob. [B]
        data: The fragment.
    """
    iv = nonce(site, p, site.members[member].id, CHECKPOINT)
    plain = blob_bytes.to_bytes(2, "little") + data
    head = bytes([number])
    return head + ccm_of(site, key, p).encrypt(iv, plain, head)


def open_fragment(
    site: RefSite, key: bytes, p: int, member: int, frame: bytes
) -> tuple[int, int, bytes]:
    """
    Read a frame as a CHECKPOINT of *member* in phase *p*, SPEC 6.4.

    Returns:
        Number of the fragment, length of the whole blob, data of the fragment.

    Raises:
        RefusedError: LENGTH or TAG.
    """
    if not 1 + 2 + 1 + TAG_BYTES <= len(frame) <= FRAME_MAX:
        raise RefusedError(Reason.LENGTH, f"{len(frame)} B: a CHECKPOINT has 8..{FRAME_MAX}")
    iv = nonce(site, p, site.members[member].id, CHECKPOINT)
    try:
        plain = ccm_of(site, key, p).decrypt(iv, frame[1:], frame[:1])
    except InvalidTag:
        raise RefusedError(Reason.TAG, f"CHECKPOINT of member {member} in phase {p}") from None
    return frame[0], int.from_bytes(plain[:2], "little"), plain[2:]
