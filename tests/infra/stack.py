# SPDX-License-Identifier: Apache-2.0
"""The stack of docker-compose.yml on an engine of our own: start it, look into it, disturb it."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.infra.engine import CACHE, STANDINS, Engine, compose_binary
from tests.sources import ROOT

PORTS: Final = {
    "GRAFANA_PORT": "13000",
    "CONSOLE_PORT": "18787",
    "MQTT_PORT": "11883",
    "GWMP_PORT": "11700",
}
BOUNDED: Final = {"gateway-data": 10001, "influx-data": 1000, "mosquitto-data": 1883}
"""Volumes that get a small file system of their own, so that they can be filled, and whose."""
VOLUME_MB: Final = 96
LOOK: Final = (Path(__file__).parent / "look.py").read_text(encoding="utf-8")


class Stack:
    """
    One project on one engine.

    Args:
        engine: Running, with all images.
        folder: For what the test makes.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        (folder / "site").mkdir(exist_ok=True)
        plugins = Path(engine.env["DOCKER_CONFIG"]) / "cli-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        binary = compose_binary()
        assert binary is not None
        (plugins / "docker-compose").unlink(missing_ok=True)
        (plugins / "docker-compose").symlink_to(Path(binary).resolve())
        files = (ROOT / "docker-compose.yml", STANDINS / "compose.yml", self._volumes())
        self.env = {
            **engine.env,
            **PORTS,
            "COMPOSE_PROJECT_NAME": "qres-test",
            "COMPOSE_FILE": ":".join(map(str, files)),
            "SITE_DIR": str(folder / "site"),
        }

    def _volumes(self) -> Path:
        """An override that puts the bounded volumes on file systems of VOLUME_MB each."""
        volumes = {}
        for name, uid in BOUNDED.items():
            place = self.folder / "volumes" / name
            place.mkdir(parents=True)
            size = f"size={VOLUME_MB}m,uid={uid},gid={uid},mode=0755"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, name, place], check=True)
            options = {"type": "none", "o": "bind", "device": str(place)}
            volumes[name] = {"driver": "local", "driver_opts": options}
        path = self.folder / "volumes.yml"
        path.write_text(json.dumps({"volumes": volumes}), encoding="utf-8")
        return path

    def remove(self) -> None:
        """Take everything down and away."""
        self.compose("--profile", "demo", "--profile", "ops", "down", "--volumes", "--timeout", "5")
        for name in BOUNDED:
            subprocess.run(["umount", self.folder / "volumes" / name], check=True)

    def script(self, name: str, *words: str, ok: bool = True) -> str:
        """Run infra/bin/NAME: what it says."""
        command = [str(ROOT / "infra/bin" / name), *words]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def compose(self, *words: str, stdin: str | None = None) -> str:
        """`docker compose ...`: what it prints."""
        done = subprocess.run(
            ["docker", "compose", "--project-directory", ROOT, *words],
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"compose {words}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout

    def up(self) -> float:
        """Everything, demo field included, until healthy. How long that took. [s]"""
        began = time.monotonic()
        self.compose("--profile", "demo", "up", "--detach", "--wait")
        return time.monotonic() - began

    def container(self, service: str) -> str:
        """The id of a service's container."""
        return self.compose("--profile", "demo", "ps", "--all", "--quiet", service).strip()

    def health(self, service: str) -> str:
        """What the engine says of a service's health."""
        return str(self.engine.inspect(self.container(service))["State"]["Health"]["Status"])

    def exec(self, service: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program in a service's container."""
        return self.engine.ask("exec", self.container(service), *words)

    def store(self) -> Any:
        """What the gateway's store holds, see look.py."""
        done = self.engine.docker(
            "exec", "-i", self.container("gateway"), "python", "-", "store", stdin=LOOK.encode()
        )
        return json.loads(done)

    def beside(self, what: str, *words: str) -> Any:
        """Ask database, broker or Grafana from within, with the secrets that `init` sees."""
        run = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "python", "init", "-")
        return json.loads(self.compose(*run, what, *words, stdin=LOOK))

    def secret(self, folder: str, name: str) -> str:
        """A secret, as `init` sees it."""
        run = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "init")
        return self.compose(*run, f"/volumes/{folder}/{name}").strip()

    def wait(self, what: str, is_true: Callable[[], bool], limit_s: float = 90.0) -> float:
        """Wait for something. How long that took. [s]"""
        began = time.monotonic()
        while not is_true():
            assert time.monotonic() - began < limit_s, f"not within {limit_s} s: {what}"
            time.sleep(0.5)
        return time.monotonic() - began

    def wait_healthy(self, service: str) -> float:
        """Wait until a service is healthy. [s]"""
        return self.wait(f"{service} healthy", lambda: self.health(service) == "healthy")

    def send(self, count: int) -> int:
        """
        Foreign frames by UDP, each acknowledged: the log keeps them, the ledger counts them.

        Returns:
            How many were acknowledged.
        """
        acked = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.settimeout(5)
            link.connect(("127.0.0.1", int(PORTS["GWMP_PORT"])))
            for _ in range(count):
                token = os.urandom(2)
                link.send(b"\x02" + token + b"\x00" + b"STRANGER" + _packet().encode())
                acked += link.recv(16) == b"\x02" + token + b"\x01"
        return acked

    @contextmanager
    def killed(self, service: str) -> Iterator[None]:
        """SIGKILL to the service's first process, from outside, as the kernel does it."""
        container = self.container(service)
        before = self.engine.inspect(container)["RestartCount"]
        os.kill(self.engine.inspect(container)["State"]["Pid"], signal.SIGKILL)
        yield
        self.wait(
            f"{service} restarted",
            lambda: bool(self.engine.inspect(container)["RestartCount"] > before),
        )

    @contextmanager
    def cut(self, service: str) -> Iterator[None]:
        """Without the network between the services."""
        network, container = "qres-test_data", self.container(service)
        self.engine.docker("network", "disconnect", network, container)
        yield
        self.engine.docker("network", "connect", "--alias", service, network, container)

    @contextmanager
    def full(self, volume: str) -> Iterator[None]:
        """With no byte left on the file system of a volume."""
        filler = self.folder / "volumes" / volume / "filler"
        with filler.open("wb", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2
        assert shutil.disk_usage(filler.parent).free == 0
        yield
        filler.unlink()


def _packet() -> str:
    payload = secrets.token_bytes(20)
    packet = {
        "tmst": 1,
        "freq": 869.525,
        "stat": 1,
        "modu": "LORA",
        "datr": "SF9BW125",
        "codr": "4/5",
        "rssi": -100,
        "lsnr": 1.0,
        "size": len(payload),
        "data": base64.b64encode(payload).decode(),
    }
    return json.dumps({"rxpk": [packet]})


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """An engine, the images, the stack; everything gone afterwards but the images."""
    engine = Engine(CACHE / "engine")
    engine.start()
    try:
        engine.build_standins()
        stack = Stack(engine, folder)
        try:
            stack.compose("build", "--quiet", "init")
            yield stack
        finally:
            stack.remove()
    finally:
        engine.stop()
