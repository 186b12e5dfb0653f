# SPDX-License-Identifier: Apache-2.0
"""Files that one user may read: written whole or not at all, mode 0600, the owner set before."""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GATEWAY", "GRAFANA", "MOSQUITTO", "ROOT", "Owner", "SecretFolder", "password"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Numeric user and group of a file."""

    uid: int
    gid: int


# As docker-compose.yml sets `user`.
ROOT: Final = Owner(0, 0)
GATEWAY: Final = Owner(10001, 10001)
GRAFANA: Final = Owner(472, 0)
MOSQUITTO: Final = Owner(1883, 1883)


def password() -> str:
    """A fresh password: 192 random bits, of letters, digits, "-" and "_"."""
    return secrets.token_urlsafe(24)


class SecretFolder:
    """
    A folder of secrets for one user.

    Args:
        path: The folder; made if absent.
        owner: Who may read it.
    """

    def __init__(self, path: Path, owner: Owner) -> None:
        self.path = path
        self.owner = owner

    def prepare(self) -> None:
        """Make the folder its owner's, closed to others."""
        self.path.mkdir(parents=True, exist_ok=True)
        os.chown(self.path, self.owner.uid, self.owner.gid)
        self.path.chmod(0o700)

    def read(self, name: str) -> str | None:
        """What the file *name* holds, without the line feed; None if there is none."""
        try:
            return (self.path / name).read_text(encoding="utf-8").rstrip("\n")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        """Put *text* and a line feed into the file *name*; its old content or this, never less."""
        fd, made = tempfile.mkstemp(prefix=f".{name}.", dir=self.path)  # mode 0600 from birth
        temporary = Path(made)
        try:
            with os.fdopen(fd, "wb") as file:
                os.fchown(file.fileno(), self.owner.uid, self.owner.gid)
                file.write(text.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path / name)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def ensure(self, name: str, make: Callable[[], str] = password) -> str:
        """What the file *name* holds; made first if there is none."""
        found = self.read(name)
        if found:
            return found
        made = make()
        self.write(name, made)
        return made
