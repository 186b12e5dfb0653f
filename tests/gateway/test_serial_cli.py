# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tty
from pathlib import Path

import pytest

from tests.gateway.sniffer_line import configuration, frame

QRES = [sys.executable, "-c", "from qres_gateway.cli import main; main()"]


@pytest.mark.slow
def test_gateway_logs_what_a_sniffer_writes(tmp_path: Path) -> None:
    """`qres gateway --serial DEVICE`: frames from the line, after boot noise, are in the store."""
    subprocess.run(
        [*QRES, "site", "new", "--nodes", "5", "--out", tmp_path / "f"],
        check=True,
        capture_output=True,
    )
    master, slave = os.openpty()
    tty.setraw(slave)
    command = [*QRES, "gateway", "--site", str(tmp_path / "f" / "site.toml"), "--udp-port", "0"]
    gateway = subprocess.Popen(
        [*command, "--no-console", "--serial", os.ttyname(slave)], stderr=subprocess.PIPE, text=True
    )
    assert gateway.stderr is not None
    said = ""
    while "receiving on" not in said:
        said = gateway.stderr.readline()
        assert said, "the gateway ended"
    assert f"serial {os.ttyname(slave)}" in said
    os.write(master, b"ESP-ROM:esp32s3-20210327\r\n" + configuration(0, 1))
    payloads = [bytes([i] * 6) for i in range(5)]
    for i, payload in enumerate(payloads):
        os.write(master, frame(1 + i, 1_000_000 * i, payload, sf=9))
    store = sqlite3.connect(tmp_path / "f" / "gateway.sqlite")
    found: list[bytes] = []
    while len(found) < 5 and gateway.poll() is None:
        found = [row[0] for row in store.execute("SELECT payload FROM frame ORDER BY id")]
    gateway.send_signal(signal.SIGTERM)
    gateway.communicate(timeout=20)
    store.close()
    os.close(slave)
    os.close(master)
    assert found == payloads
    assert gateway.returncode == 0
