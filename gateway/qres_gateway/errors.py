# SPDX-License-Identifier: Apache-2.0
"""Every error the gateway raises on purpose.

Each text names what failed, the limit or cause, and what a person can do about it. `code` is a
short stable word for counters, for the state shown by the console, and for `qres doctor`.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class GatewayError(Exception):
    """Base of all errors of the gateway."""

    code: ClassVar[str] = "error"


class SourceError(GatewayError):
    """A source of frames cannot be opened or read."""

    code = "source"


class PortBusyError(SourceError):
    """Another program holds the UDP port."""

    code = "port_busy"

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"UDP port {port} on {host} is in use by another program. Stop that program, or"
            f" choose another port (qres gateway --udp-port {port + 1 if port < 65535 else 1700})"
            " and set the same serv_port_up and serv_port_down in the packet forwarder."
        )
        self.host = host
        self.port = port


class AddressError(SourceError):
    """The address to listen on cannot be used on this machine."""

    code = "address"

    def __init__(self, host: str, port: int, cause: str) -> None:
        super().__init__(
            f"cannot listen on UDP {host}:{port}: {cause}. The host must be an address of this"
            " machine (127.0.0.1 for a forwarder on it, 0.0.0.0 for any), the port 1024..65535."
        )
        self.host = host
        self.port = port


class CaptureError(SourceError):
    """A capture file cannot be read, or is not one."""

    code = "capture"


class FrameLogError(GatewayError):
    """The frame log cannot be written or read. Frames that were not acknowledged still wait."""

    code = "log"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(f"frame log {path}: {text}")
        self.path = path


class LogFullError(FrameLogError):
    """No room is left on the disk, or the page limit is reached."""

    code = "log_full"


class LogReadOnlyError(FrameLogError):
    """The file, its directory or its file system cannot be written."""

    code = "log_read_only"


class LogCorruptError(FrameLogError):
    """The file is damaged, or is not a database."""

    code = "log_corrupt"


class LogLockedError(FrameLogError):
    """Another process held the write lock for longer than the timeout."""

    code = "log_locked"


class LogOpenError(FrameLogError):
    """The file cannot be opened or created."""

    code = "log_open"


class LogIoError(FrameLogError):
    """The operating system failed to read or write."""

    code = "log_io"


class LogSchemaError(FrameLogError):
    """The file is a database, but not one that this version can use."""

    code = "log_schema"


class CursorConflictError(FrameLogError):
    """A cursor was moved by somebody else: two gateways work on one log."""

    code = "log_cursor"
