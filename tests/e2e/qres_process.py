# SPDX-License-Identifier: Apache-2.0
"""The real `qres` command in a process of its own, and a packet forwarder that talks to it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from qres.site import Site
from qres.virtual.air import Transmission
from qres.virtual.concentrator import push_data, rxpk
from tests.e2e.clocked_gateway import FileClock
from tests.sources import ROOT

QRES = Path(sys.executable).with_name("qres")
GUARD_S = 30.0  # only a failing test waits this long
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ran:
    """What a run came to."""

    code: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        """The last line on stderr; fails if there is a traceback anywhere."""
        assert "Traceback" not in self.out + self.err, self.err
        return self.err.splitlines()[-1]


def qres(*arguments: object, folder: Path | None = None) -> Ran:
    """Run `qres` to its end."""
    run = subprocess.run(
        [QRES, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False,
        timeout=GUARD_S, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Ran(run.returncode, run.stdout, run.stderr)


class Running:
    """
    `qres` in the background; a context manager that kills what still runs.

    Args:
        arguments: Of the command.
        clock: File of the gateway's clock; None for the system's, in the unchanged command.
    """

    def __init__(self, *arguments: object, clock: Path | None = None) -> None:
        command = [str(QRES)]
        if clock is not None:
            command = [sys.executable, "-m", "tests.e2e.clocked_gateway", str(clock)]
        self._process = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self._lines: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._more:
                self._lines.append(_COLOUR.sub("", line.rstrip("\n")))
                self._more.notify_all()
        with self._more:
            self._more.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line on stderr, also of those before, in which *pattern* is found."""
        seen = 0
        until = time.monotonic() + GUARD_S
        with self._more:
            while True:
                for line in self._lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = len(self._lines)
                if not self._reader.is_alive() or time.monotonic() > until:
                    raise AssertionError(f"no line with {pattern!r} in {self._lines}")
                self._more.wait(0.5)

    def udp_port(self) -> int:
        """Where the gateway receives, once it does."""
        return int(self.wait_for(r"^receiving on udp 127\.0\.0\.1:(\d+);")[1])

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self, number: signal.Signals | None = None) -> Ran:
        """Send a signal, if one is given, and wait for the end."""
        if number is not None:
            self.send(number)
        code = self._process.wait(GUARD_S)
        self._reader.join()
        assert self._process.stdout is not None
        return Ran(code, self._process.stdout.read(), "\n".join(self._lines) + "\n")


class Forwarder:
    """
    A packet forwarder with a gateway's address, as `qres.virtual.concentrator` makes its data.

    Args:
        site: The field.
        clock: The gateway's clock: it is set to the end of each frame when the frame is sent.
    """

    def __init__(self, site: Site, clock: FileClock) -> None:
        self._site = site
        self._clock = clock
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._token = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def connect(self, port: int) -> None:
        """Send to this port from now on, and forget what another one still answers."""
        self._socket.close()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(GUARD_S)
        self._socket.connect(("127.0.0.1", port))

    def push(self, sent: Transmission, *, acknowledged: bool = True) -> None:
        """Send a frame, and wait for its acknowledgement."""
        self._token = (self._token + 1) % 65_536
        self._clock.set(sent.end_us)
        packet = rxpk(self._site, sent, rssi_dbm=-91.0, snr_db=7.0)
        self._socket.send(push_data(self._token, [packet]))
        if acknowledged:
            answer = self._socket.recv(64)
            assert answer[1:3] == self._token.to_bytes(2, "big")
            assert answer[3] == 1, "PUSH_ACK"
