# SPDX-License-Identifier: Apache-2.0
"""
Users of the broker: the password file, and what each may do.

Source:
    mosquitto_passwd(1), mosquitto.conf(5) of mosquitto 2.0: a line is user:$7$iterations$salt$hash
    with PBKDF2-HMAC-SHA512, salt and hash in base64; 101 iterations is that program's default. The
    passwords here are 192 random bits, which no number of iterations makes harder to guess.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Final

from qres_init.secret_files import SecretFolder, password

__all__ = ["ACL", "USERS", "ensure_users", "hashed", "is_password", "rotate_users"]

_ITERATIONS: Final = 101
_SALT_BYTES: Final = 12
_HASH_BYTES: Final = 64

USERS: Final = ("gateway", "receiver", "reader", "health")
"""gateway: the gateway. receiver: remote receivers of raw frames. reader: whoever wants to follow.
health: the broker's own health check."""

ACL: Final = """\
# Made by `init`; changes are overwritten. Who is not named here may do nothing.
user gateway
topic readwrite qres/#
topic write homeassistant/#

user receiver
topic write qres/+/raw/#

user reader
topic read qres/#
topic read homeassistant/#

user health
topic read $SYS/broker/uptime"""


def hashed(user: str, secret: str, salt: bytes | None = None) -> str:
    """A line of the password file; *salt* is 12 random bytes if left out."""
    salt = os.urandom(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ITERATIONS, _HASH_BYTES)
    texts = (base64.b64encode(part).decode("ascii") for part in (salt, digest))
    return f"{user}:$7${_ITERATIONS}${'$'.join(texts)}"


def is_password(line: str, user: str, secret: str) -> bool:
    """Whether *line* of a password file is that of *user* with *secret*."""
    try:
        salt = base64.b64decode(line.split("$")[3], validate=True)
    except (IndexError, ValueError):
        return False
    return line == hashed(user, secret, salt)


def ensure_users(admin: SecretFolder, broker: SecretFolder, gateway: SecretFolder) -> bool:
    """
    Make what is missing of passwords, password file and ACL.

    Args:
        admin: Keeps every password.
        broker: Gets the hashes, the ACL, and the health check's login.
        gateway: Gets its own password.

    Returns:
        Whether the broker's files changed.
    """
    secrets = {user: admin.ensure(f"mqtt_{user}") for user in USERS}
    if gateway.read("mqtt_password") != secrets["gateway"]:
        gateway.write("mqtt_password", secrets["gateway"])
    login = f"-u health\n-P {secrets['health']}"
    if broker.read("mosquitto_sub") != login:
        broker.write("mosquitto_sub", login)
    lines = (broker.read("passwd") or "").splitlines()
    known = len(lines) == len(USERS) and all(
        is_password(line, user, secrets[user]) for line, user in zip(lines, USERS, strict=True)
    )
    if not known:
        broker.write("passwd", "\n".join(hashed(user, secrets[user]) for user in USERS))
    same_acl = broker.read("acl") == ACL
    if not same_acl:
        broker.write("acl", ACL)
    return not (known and same_acl)


def rotate_users(admin: SecretFolder, broker: SecretFolder, gateway: SecretFolder) -> None:
    """Give every user a fresh password. The broker must be restarted to know them."""
    for user in USERS:
        admin.write(f"mqtt_{user}", password())
    ensure_users(admin, broker, gateway)
