# SPDX-License-Identifier: Apache-2.0
"""
A simulated LoRa concentrator: what the gateway's receiver heard, as Semtech UDP datagrams.

Speaks the packet forwarder protocol, version 2, as a forwarder does: PUSH_DATA with `rxpk`.
Times are the field's; reception power and SNR come from a log-distance formula and mean nothing.

Source:
    Semtech, packet_forwarder/PROTOCOL.TXT (sx1302_hal), sections 3 and 4.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qres.site import Site
    from qres.virtual.air import Transmission

__all__ = ["EUI", "Concentrator", "GnssConcentrator", "push_data", "rxpk"]

EUI: Final = bytes.fromhex("5152455300000001")
_PUSH_DATA: Final = 0
_PULL_DATA: Final = 2
_VERSION: Final = 2
_ACK_TIMEOUT_S: Final = 5.0
_TRIES: Final = 3
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GPS_AHEAD_OF_UNIX_S: Final = 18 - 315_964_800  # 18 leap seconds since 1980-01-06


def rxpk(site: Site, sent: Transmission, rssi_dbm: float, snr_db: float) -> dict[str, Any]:
    """One received frame as the protocol's JSON object; its time is the end of reception."""
    moment = _UNIX_EPOCH + timedelta(microseconds=sent.end_us)
    return {
        "time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "tmst": sent.end_us % (1 << 32),
        "freq": site.freq_hz / 1e6,
        "chan": 0,
        "rfch": 0,
        "stat": 1,
        "modu": "LORA",
        "datr": f"SF{site.sf}BW{site.bw_hz // 1000}",
        "codr": site.cr,
        "rssi": round(rssi_dbm),
        "lsnr": round(snr_db, 1),
        "size": len(sent.frame),
        "data": base64.b64encode(sent.frame).decode(),
    }


def push_data(token: int, packets: Sequence[dict[str, Any]]) -> bytes:
    """A PUSH_DATA datagram with *packets*; *token* is 0..65535."""
    head = bytes([_VERSION]) + token.to_bytes(2, "big") + bytes([_PUSH_DATA]) + EUI
    return head + json.dumps({"rxpk": list(packets)}, separators=(",", ":")).encode()


class Concentrator(asyncio.DatagramProtocol):
    """
    Sends to a gateway on this machine and waits for its acknowledgements.

    Args:
        site: The field; the receiver stands at its centroid.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._levels = [_level(site, i) for i in range(len(site.nodes))]
        self._token = 0
        self._acked: dict[int, asyncio.Event] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self.frames_sent = 0

    @classmethod
    async def connect(cls, site: Site, host: str, port: int) -> Self:
        """A concentrator that sends to the gateway's UDP port."""
        loop = asyncio.get_running_loop()
        _, made = await loop.create_datagram_endpoint(lambda: cls(site), remote_addr=(host, port))
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = transport  # type: ignore[assignment]  # datagram endpoints give one

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: D102
        acked = self._acked.pop(int.from_bytes(data[1:3], "big"), None)
        if acked is not None:
            acked.set()

    async def deliver(self, heard: Sequence[Transmission]) -> None:
        """
        Send frames in one datagram each; returns when all are acknowledged.

        Raises:
            ConnectionError: The gateway did not acknowledge in time, three times in a row.
        """
        for sent in heard:
            await self._push(push_data(self._next_token(), [self._packet(sent)]))
            self.frames_sent += 1

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _packet(self, sent: Transmission) -> dict[str, Any]:
        rssi_dbm = self._levels[sent.sender]
        return rxpk(self._site, sent, rssi_dbm, min(10.0, rssi_dbm + 117.0))

    def _next_token(self) -> int:
        self._token = (self._token + 1) % 65536
        return self._token

    async def _push(self, datagram: bytes) -> None:
        assert self._transport is not None  # noqa: S101  connect() waits for it
        acked = self._acked[int.from_bytes(datagram[1:3], "big")] = asyncio.Event()
        for _ in range(_TRIES):
            self._transport.sendto(datagram)
            try:
                async with asyncio.timeout(_ACK_TIMEOUT_S):  # wait_for of 3.11 can lose a Ctrl-C
                    await acked.wait()
            except TimeoutError:
                continue
            return
        raise ConnectionError(f"no PUSH_ACK from the gateway after {_TRIES} tries")


class GnssConcentrator(Concentrator):
    """A concentrator whose times come from GNSS: `tmms` beside `time`."""

    def keep_alive(self) -> None:
        """Tell the gateway that it is there, as packet forwarders do every few seconds."""
        if self._transport is not None:
            token = self._next_token().to_bytes(2, "big")
            self._transport.sendto(bytes([_VERSION]) + token + bytes([_PULL_DATA]) + EUI)

    def packet(self, sent: Transmission) -> dict[str, Any]:
        """What it tells the gateway of one frame."""
        return self._packet(sent)

    def _packet(self, sent: Transmission) -> dict[str, Any]:
        gps_ms = sent.end_us // 1000 + _GPS_AHEAD_OF_UNIX_S * 1000
        return {**super()._packet(sent), "tmms": gps_ms}


def _level(site: Site, row: int) -> float:
    """Made-up reception power of a node at the field's centroid. [dBm]"""
    lat = sum(n.lat_deg for n in site.nodes) / len(site.nodes)
    lon = sum(n.lon_deg for n in site.nodes) / len(site.nodes)
    node = site.nodes[row]
    east = (node.lon_deg - lon) * math.cos(math.radians(lat))
    km = 111.2 * math.hypot(node.lat_deg - lat, east)
    return max(-125.0, -85.0 - 20.0 * math.log10(km + 0.1))
