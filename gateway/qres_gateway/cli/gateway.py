# SPDX-License-Identifier: Apache-2.0
"""
`qres gateway`: receive, keep, decode and show one field; never send.

Exit codes: 0 stopped by SIGTERM, in order; 1 it could not be started or went on no longer (the
last line on stderr says why); 2 wrong usage; 130 stopped by Ctrl-C, in order. A second signal ends
it at once; what the log holds is safe in any case.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import structlog
import typer

from qres.keys import read_key_file
from qres.site import load_site
from qres_gateway.cli import sink_options as of
from qres_gateway.cli.output import log_to_stderr, stderr
from qres_gateway.cli.store_option import StoreFile, beside
from qres_gateway.doctor.watch import Watch
from qres_gateway.errors import FrameLogError
from qres_gateway.field_rules import rules_for
from qres_gateway.service import GatewayService
from qres_gateway.sinks.field import SinkField
from qres_gateway.sinks.runner import Sinks
from qres_gateway.sources.base import SystemClock
from qres_gateway.sources.merged import MergedSource
from qres_gateway.sources.serial import SerialSource
from qres_gateway.sources.udp import DEFAULT_PORT, UdpSource
from qres_gateway.store_lock import lock_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qres.site import Site
    from qres_gateway.live import LiveView
    from qres_gateway.service import Subscription
    from qres_gateway.sources.base import Clock, Source

__all__ = ["register"]

FORWARDER_SILENT_S: Final = 60.0
"""A packet forwarder asks for downlinks every few seconds (keepalive_interval, 10 s by default), so
one that has sent nothing for this long does not know of this gateway."""

_log = structlog.get_logger("qres_gateway")


class LogLevel(StrEnum):
    """From which level on the log is written to stderr."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def register(parent: typer.Typer) -> None:
    """Add `gateway` to the `qres` command."""
    parent.command(name="gateway")(gateway)


def gateway(
    site: Annotated[
        Path, typer.Option(readable=False, help="The site file; its key file is read, too.")
    ] = Path("site.toml"),
    store: StoreFile = None,
    udp_host: Annotated[
        str, typer.Option(help="Address for packet forwarders; 0.0.0.0: reachable from elsewhere.")
    ] = "127.0.0.1",
    udp_port: Annotated[
        int, typer.Option(min=0, max=65535, help="UDP port for packet forwarders, 0: any free one.")
    ] = DEFAULT_PORT,
    serial: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DEVICE",
            help="Serial device of a sniffer, /dev/ttyUSB0; only read. May be given repeatedly.",
        ),
    ] = None,
    console: Annotated[bool, typer.Option(help="Show the field in a browser.")] = True,
    console_host: Annotated[
        str, typer.Option(help="Address of the console. Anybody who reaches it can read it.")
    ] = "127.0.0.1",
    console_port: Annotated[
        int, typer.Option(min=1, max=65535, help="TCP port of the console.")
    ] = 8787,
    influx_url: of.InfluxUrl = None,
    influx_org: of.InfluxOrg = "qres",
    influx_bucket: of.InfluxBucket = "qres",
    influx_token_file: of.InfluxTokenFile = None,
    mqtt_url: of.MqttUrl = None,
    mqtt_password_file: of.MqttPasswordFile = None,
    mqtt_ca_file: of.MqttCaFile = None,
    mqtt_prefix: of.MqttPrefix = "qres",
    mqtt_discovery: of.MqttDiscovery = True,
    mqtt_raw: of.MqttRaw = False,
    log_level: Annotated[LogLevel, typer.Option(help="What to write to stderr.")] = LogLevel.INFO,
) -> None:
    """
    Run the receive-only gateway of a field, until Ctrl-C or SIGTERM.

    Frames come from Semtech packet forwarders over UDP, with --serial from sniffers on this
    machine, and with --mqtt-raw from receivers elsewhere. Each is durable in the store before it is
    decoded. Sinks are fed from the store: one that is down, refuses or is slow gets everything
    later, and hinders nothing.
    """
    log_to_stderr(logging.getLevelNamesMapping()[log_level.upper()])
    field = load_site(site)
    rules = rules_for(field, read_key_file(field.key_file))
    path = beside(site) if store is None else store
    clock = SystemClock()
    options = of.SinkOptions(
        influx_url,
        influx_org,
        influx_bucket,
        influx_token_file,
        mqtt_url,
        mqtt_password_file,
        mqtt_ca_file,
        mqtt_prefix,
        mqtt_discovery,
        mqtt_raw,
    )
    sink_field = SinkField.of(field)
    sinks = Sinks(options.sinks(sink_field), path, sink_field, clock)
    udp = UdpSource(clock, host=udp_host, port=udp_port)
    raw = options.raw_source(clock, sink_field)
    others: list[Source] = [SerialSource(clock, path) for path in serial or ()]
    others += [raw] if raw is not None else []
    source = MergedSource([udp, *others]) if others else udp
    if console:
        from qres_gateway.console.server import open_socket  # noqa: PLC0415  only if it is wanted

        open_socket(console_host, console_port).close()  # a busy port is said before work begins
    with lock_store(path, "qres gateway"):
        service = GatewayService(source, path, rules, clock=clock)
        run = _Run(service, udp, Watch(path, field))
        run.feed(sinks)
        run.listen(others)
        if console:
            run.show(_live_view(field, clock), console_host, console_port)
        received = asyncio.run(run.until_signal())
    if received == signal.SIGINT:
        raise typer.Exit(130)


def _live_view(site: Site, clock: Clock) -> LiveView:
    from qres_gateway.live import LiveView  # noqa: PLC0415  only if the console is wanted

    return LiveView(site, demo=False, clock=lambda: clock.now().wall_us)


class _Run:
    """The service, its console, and who watches both."""

    def __init__(self, service: GatewayService, source: UdpSource, watch: Watch) -> None:
        self._service = service
        self._source = source
        self._others: list[Source] = []
        self._watch = watch
        self._sinks: Sinks | None = None
        self._view: LiveView | None = None
        self._address = ("", 0)
        self._stop = asyncio.Event()
        self._received: list[signal.Signals] = []

    def show(self, view: LiveView, host: str, port: int) -> None:
        """Serve a console, too."""
        self._view = view
        self._address = (host, port)

    def feed(self, sinks: Sinks) -> None:
        """Feed sinks, too."""
        self._sinks = sinks

    def listen(self, others: list[Source]) -> None:
        """Frames come from these, too."""
        self._others = others

    async def until_signal(self) -> signal.Signals | None:
        """
        Run until a signal.

        Returns:
            The signal.

        Raises:
            GatewayError: The port, the store or the console is not to be had, or failed.
        """
        events = self._service.subscribe()
        service = asyncio.create_task(self._service.run())
        started = asyncio.create_task(self._service.started.wait())
        with _signals_to(self._signalled):
            await asyncio.wait([service, started], return_when=asyncio.FIRST_COMPLETED)
            if not started.done():
                started.cancel()
                await service
            if self._sinks is not None:
                self._sinks.start()
            self._greet()
            others = [asyncio.create_task(self._follow(events))]
            if self._view is not None:
                others.append(asyncio.create_task(self._console(self._view)))
            stop = asyncio.create_task(self._stop.wait())
            silence = asyncio.create_task(self._tell_silence())
            await asyncio.wait([service, *others, stop], return_when=asyncio.FIRST_COMPLETED)
            for task in (stop, silence, *others[1:]):
                task.cancel()
            await self._service.stop()
            try:
                for task in (service, *others):
                    with suppress(asyncio.CancelledError):
                        await task
            finally:
                if self._sinks is not None:
                    await asyncio.to_thread(self._sinks.stop)
        return self._received[0] if self._received else None

    def _greet(self) -> None:
        host, port = self._address
        shown = f"console http://{host}:{port}/" if self._view is not None else "no console"
        names = [source.name for source in (self._source, *self._others)]
        stderr.print(f"receiving on {' and '.join(names)}; {shown}; Ctrl-C ends it", soft_wrap=True)

    def _signalled(self, received: signal.Signals) -> None:
        if self._received:  # a second one: at once
            signal.signal(received, signal.SIG_DFL)
            signal.raise_signal(received)
        self._received.append(received)
        _log.info("gateway.stopping", signal=received.name)
        self._stop.set()

    async def _follow(self, events: Subscription) -> None:
        async for event in events:
            if self._view is not None:
                self._view.feed(event)
            if self._watch.add(event):
                at_source = {
                    reason: int(count) for reason, count in self._service.stats()["refused"].items()
                }
                try:
                    found = await asyncio.to_thread(self._watch.look, at_source)
                except FrameLogError as error:
                    _log.warning("field.unreadable", refused=self._watch.refused, text=str(error))
                else:
                    self._watch.tell(found)

    async def _console(self, view: LiveView) -> None:
        from qres_gateway.console.server import run_console  # noqa: PLC0415  only if it is wanted

        await run_console(view, *self._address)

    async def _tell_silence(self) -> None:
        await asyncio.sleep(FORWARDER_SILENT_S)
        if not self._source.stats()["datagrams"] and not self._others:
            _log.warning(
                "source.silent",
                seconds=FORWARDER_SILENT_S,
                likely=f"No packet forwarder knows of this gateway: nothing came to"
                f" {self._source.name}. Set its server_address to this machine, and serv_port_up"
                f" and serv_port_down to {self._source.port}.",
            )


@contextmanager
def _signals_to(handle: Callable[[signal.Signals], None]) -> Iterator[None]:
    """
    Tell SIGINT and SIGTERM to *handle*, in the event loop.

    Not `loop.add_signal_handler`: the console's server puts its own handlers above these while it
    runs, and passes the signal on when it has ended.
    """
    loop = asyncio.get_running_loop()

    def received(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(handle, signal.Signals(number))

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, received) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
