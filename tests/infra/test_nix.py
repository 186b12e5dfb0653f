# SPDX-License-Identifier: Apache-2.0
"""
The flake, evaluated against a stub of nixpkgs, and the NixOS module by hand.

Not shown here: that nixpkgs has the packages, and that anything builds. See infra/nix/README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.sources import ROOT

STUB = ROOT / "tests/infra/nix-stub"
OFFLINE = (
    *("--extra-experimental-features", "nix-command flakes"),
    *("--option", "sandbox", "false"),
    *("--option", "build-users-group", ""),
    *("--option", "substituters", ""),
    *("--option", "flake-registry", ""),
)
FIELD = {"enable": True, "siteFile": "/field/site.toml", "keyFile": "/field/site.key"}


def nix(*words: str, cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of Nix with a home of its own."""
    if shutil.which(words[0]) is None:
        pytest.skip("needs: apt-get install nix-bin")
    env = {**os.environ, "HOME": str(home)}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def module(home: Path, **given: object) -> dict[str, Any]:
    """What the module makes of a definition."""
    if os.geteuid() != 0 and not os.access("/nix", os.W_OK):
        pytest.skip("needs root, or a Nix store that this user may write")
    text = json.dumps({**FIELD, **given})
    words = ("--eval", "--strict", "--json", "--argstr", "given", text)
    where = ("--arg", "module", str(ROOT / "infra/nix/module.nix"))
    done = nix(
        "nix-instantiate", *words, *where, str(STUB / "module-eval.nix"), cwd=ROOT, home=home
    )
    if done.returncode:
        raise ValueError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_flake_evaluates(tmp_path: Path) -> None:
    """`nix flake check`: packages, image, docs, shell, checks and module, on both systems."""
    if os.geteuid() != 0:
        pytest.skip("needs root: Debian's nix-bin keeps its store as root")
    copy = tmp_path / "project"
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache", "shared")
    shutil.copytree(ROOT, copy, ignore=ignored)
    stub = ("--override-input", "nixpkgs", f"path:{STUB}")
    words = ("nix", *OFFLINE, "flake", "check", "--no-write-lock-file", *stub, "path:.")
    done = nix(*words, cwd=copy, home=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    show = ("nix", *OFFLINE, "flake", "show", "--json", "--no-write-lock-file", *stub, "path:.")
    outputs = json.loads(nix(*show, cwd=copy, home=tmp_path).stdout)
    for system in ("x86_64-linux", "aarch64-linux"):
        assert outputs["packages"][system].keys() == {"qres", "image", "docs", "default"}
        assert outputs["checks"][system].keys() == {"qres", "docs", "pytest", "ruff", "mypy"}
        assert outputs["devShells"][system].keys() == {"default"}
    assert outputs["nixosModules"].keys() == {"default"}


def test_module_has_safe_defaults(tmp_path: Path) -> None:
    """With a site and a key alone: loopback, no firewall hole, secrets as credentials."""
    made = module(tmp_path)
    assert made["condition"] is True
    assert made["failed"] == []
    assert made["firewall"] == {}
    config = made["service"]["serviceConfig"]
    assert config["LoadCredential"] == ["site.toml:/field/site.toml", "site.key:/field/site.key"]
    words = config["ExecStart"].split()
    assert words[0].endswith("/bin/qres")
    assert {"--udp-host=127.0.0.1", "--console-host=127.0.0.1", "--site=%d/site.toml"} <= {*words}
    assert "/field" not in config["ExecStart"]


def test_module_confines_the_service(tmp_path: Path) -> None:
    """The unit has what systemd offers against a service that is taken over."""
    config = module(tmp_path)["service"]["serviceConfig"]
    for name in (
        "DynamicUser",
        "LockPersonality",
        "MemoryDenyWriteExecute",
        "NoNewPrivileges",
        "PrivateDevices",
        "PrivateTmp",
        "ProtectClock",
        "ProtectControlGroups",
        "ProtectHome",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "RestrictNamespaces",
        "RestrictSUIDSGID",
    ):
        assert config[name] is True, name
    assert config["CapabilityBoundingSet"] == ""
    assert config["ProtectSystem"] == "strict"
    assert config["RestrictAddressFamilies"] == ["AF_INET", "AF_INET6", "AF_UNIX"]


def test_module_passes_sinks_and_their_secrets(tmp_path: Path) -> None:
    """Addresses are arguments; token and password are credentials and never arguments."""
    made = module(
        tmp_path,
        openFirewall=True,
        udp={"address": "0.0.0.0", "port": 1701},  # noqa: S104  for a concentrator elsewhere
        console={"enable": False},
        influx={"url": "http://db:8086", "tokenFile": "/keys/token"},
        mqtt={"url": "mqtt://gateway@mq", "passwordFile": "/keys/mqtt", "rawFrames": True},
    )
    assert made["failed"] == []
    assert made["firewall"] == {"allowedUDPPorts": [1701]}
    config = made["service"]["serviceConfig"]
    assert config["LoadCredential"][2:] == ["influx-token:/keys/token", "mqtt-password:/keys/mqtt"]
    words = config["ExecStart"].split()
    assert {"--no-console", "--influx-url=http://db:8086", "--mqtt-raw"} <= {*words}
    assert "/keys" not in config["ExecStart"]


def test_module_options_are_those_of_the_command(tmp_path: Path) -> None:
    """`qres gateway` knows every option that the module can pass."""
    from typer.testing import CliRunner  # noqa: PLC0415

    from qres_gateway.cli import build_app  # noqa: PLC0415

    made = module(
        tmp_path,
        influx={"url": "http://db:8086", "tokenFile": "/keys/token"},
        mqtt={"url": "mqtt://gateway@mq", "passwordFile": "/keys/mqtt", "rawFrames": True},
    )
    words = made["service"]["serviceConfig"]["ExecStart"].split()
    env = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    shown = CliRunner().invoke(build_app("gateway"), ["gateway", "--help"], env=env).output
    for word in words[2:]:
        assert word.split("=")[0] in shown, word


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"influx": {"url": "http://db:8086"}}, "tokenFile must be"),
        ({"mqtt": {"rawFrames": True}}, "rawFrames needs mqtt.url"),
        ({"keyFile": "/nix/store/x-site.key"}, "in the Nix store"),
    ],
)
def test_module_refuses_what_cannot_be_meant(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    """A sink without its secret, raw frames without a broker, a key that everybody could read."""
    assert [text for text in module(tmp_path, **given)["failed"] if said in text]


@pytest.mark.parametrize(
    "given", [{"udp": {"port": 70000}}, {"logLevel": "loud"}, {"siteFile": "relative"}, {"x": 1}]
)
def test_module_checks_types(tmp_path: Path, given: dict[str, Any]) -> None:
    """A value out of its type, or an option that does not exist, is an error."""
    with pytest.raises(ValueError, match=r"is not of its type|does not exist"):
        module(tmp_path, **given)
