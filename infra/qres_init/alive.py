# SPDX-License-Identifier: Apache-2.0
"""
Health check: whether a page is there. Exit code 0 if the answer is 200, else 1.

    python -m qres_init.alive http://127.0.0.1:8787/healthz

Few imports: it runs every five seconds, on a Raspberry Pi, too.
"""

from __future__ import annotations

import socket
import sys

TIMEOUT_S = 4.0


def status(url: str) -> int:
    """
    The HTTP status of *url*, `http://host:port/path`.

    Raises:
        OSError: Nobody answers.
        ValueError: That is no HTTP answer.
    """
    place, _, path = url.removeprefix("http://").partition("/")
    host, _, port = place.partition(":")
    with socket.create_connection((host, int(port or "80")), timeout=TIMEOUT_S) as connection:
        request = f"GET /{path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode("ascii"))
        line = connection.recv(64).split(b" ", 2)
    if len(line) < 2 or not line[0].startswith(b"HTTP/"):
        raise ValueError(f"no HTTP answer from {place}")
    return int(line[1])


def main() -> None:
    """Check the URL of the command line."""
    try:
        found = status(sys.argv[1])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    raise SystemExit(0 if found == 200 else 1)


if __name__ == "__main__":
    main()
