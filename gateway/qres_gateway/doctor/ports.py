# SPDX-License-Identifier: Apache-2.0
"""Are the ports free, and if not, who holds them?"""

from __future__ import annotations

import errno
import re
import socket
from pathlib import Path
from typing import Final, Literal

from qres_gateway.doctor.result import Result, fail, ok, warn

__all__ = ["holder", "port_free"]

Kind = Literal["udp", "tcp"]

_PROC: Final = Path("/proc")
_TCP_LISTEN: Final = "0A"  # Source: include/net/tcp_states.h of Linux
_SOCKET_LINK: Final = re.compile(r"socket:\[(\d+)\]")


def port_free(kind: Kind, host: str, port: int, use: str, option: str) -> Result:
    """
    Whether *port* can be listened on.

    Args:
        kind: Which protocol.
        host: Address to listen on.
        port: 1..65535.
        use: What it is for.
        option: How another one is chosen.
    """
    name = f"{kind.upper()} port {port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as sock:
        if kind == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            if kind == "tcp":
                sock.listen(1)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                means = f"The gateway cannot use it for {use}"
                fix = f"Choose another address or port ({option})"
                return fail(name, f"{host}: {error.strerror}", means, fix)
        else:
            return ok(name, f"free on {host}, for {use}")
    who = holder(kind, port)
    return warn(
        name,
        f"in use by {who or 'a process of another user'}",
        f"Fine if that is your gateway; otherwise `qres gateway` has no port for {use}",
        f"Stop that program, or choose another port ({option})",
    )


def holder(kind: Kind, port: int, proc: Path = _PROC) -> str | None:
    """
    The process that listens on *port*, in words; None if it cannot be told.

    Source: proc(5): /proc/net/tcp and udp, columns local_address, st and inode; /proc/PID/fd.
    """
    inodes: set[str] = set()
    for table in (proc / "net" / kind, proc / "net" / f"{kind}6"):
        if not table.exists():
            continue
        for line in table.read_text("ascii").splitlines()[1:]:
            columns = line.split()
            is_listening = kind == "udp" or columns[3] == _TCP_LISTEN
            if is_listening and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(columns[9])
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        if inodes & _sockets(process):
            return f"process {process.name} ({_command(process)})"
    return None


def _sockets(process: Path) -> set[str]:
    """Inodes of a process's sockets; none if it has ended or is another user's."""
    found: set[str] = set()
    try:
        for link in (process / "fd").iterdir():
            match = _SOCKET_LINK.fullmatch(str(link.readlink()))
            if match:
                found.add(match[1])
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return found
    return found


def _command(process: Path) -> str:
    """Its command line, shortened: the program's name and what follows."""
    try:
        words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return "ended"
    return " ".join(Path(word).name if word.startswith("/") else word for word in words)[
        :60
    ].strip()
