"""`python -m txws2 URI`: talk to a WebSocket server from a terminal or a pipe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall, react

from txws2 import __version__
from txws2.client import WebSocketClientProtocol
from txws2.connecting import connect
from txws2.console import Console, printable
from txws2.exceptions import ConnectionClosed
from txws2.hints import hint
from txws2.insecure import InsecureTLS
from txws2.wire.closing import Close, CloseCode
from txws2.wire.connection import State
from txws2.wire.uri import parse_uri

__all__ = ["main"]

_SILENCE = 1.0
"""Seconds without a message after which a pipe expects no more replies."""

_EPILOG = """\
Each line of input is sent as a text message; each message that arrives is printed on a line.
At the end of the input (Ctrl-D) the connection is closed with 1000; if the input is a pipe or
a file, once as many messages have come as were sent, or none for a second.
The exit status is 0 if the connection was opened, and closed with 1000 or 1001.
"""


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m txws2",
        description="Connect to a WebSocket server, send what is typed, print what arrives.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("uri", metavar="URI", help="ws://host:port/path or wss://host/path")
    parser.add_argument(
        "-H",
        "--header",
        metavar="NAME:VALUE",
        action="append",
        default=[],
        type=_header,
        help="a header to send with the request; may be given more than once",
    )
    parser.add_argument(
        "-s",
        "--subprotocol",
        metavar="NAME",
        action="append",
        default=[],
        help="a subprotocol to offer, best first; may be given more than once",
    )
    parser.add_argument("-o", "--origin", help="the Origin to send")
    parser.add_argument(
        "-P",
        "--ping",
        action="store_true",
        help="send a ping every second, show how long each pong took, and show the server's pings",
    )
    parser.add_argument(
        "-n",
        "--insecure",
        action="store_true",
        help="accept any TLS certificate, so that anybody could be listening",
    )
    parser.add_argument(
        "-t",
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=10.0,
        help="how long it may take to connect (10)",
    )
    parser.add_argument("--version", action="version", version=f"txws2 {__version__}")
    return parser.parse_args(arguments)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} isn't of the form NAME:VALUE")
    return name.strip(), value.strip()


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} isn't a number of seconds")
    return seconds


def _say(text: str) -> None:
    # Some of it may be the server's words.
    print(printable(text).replace("\n", " "), file=sys.stderr, flush=True)


class _Session(WebSocketClientProtocol):
    """The connection of one run."""

    console: Console
    shows_pings = False
    sent = 0
    received = 0
    _news: Deferred[None] | None = None

    def messageReceived(self, message: str | bytes) -> None:
        self.received += 1
        self.console.show(message)
        news, self._news = self._news, None
        if news is not None:
            news.callback(None)

    def pingReceived(self, payload: bytes) -> None:
        if self.shows_pings:
            self.remark(f"ping from the server: {payload.hex(' ') or 'empty'}")

    def send_line(self, line: str | bytes) -> Deferred[None]:
        """Send a line of input."""
        self.sent += 1
        return self.send(line)

    def show_latency(self) -> None:
        """Send a ping, and show how long its pong takes."""
        self.ping().addCallbacks(
            lambda latency: self.remark(f"pong after {latency * 1000:.2f} ms"),
            lambda _: None,  # The connection is closed; that is shown once, at the end.
        )

    def remark(self, text: str) -> None:
        """Show what isn't a message, apart from the messages."""
        if self.console.terminal:
            self.console.note(text)
        else:
            _say(text)

    async def finish(self) -> None:
        """Close the connection; if the input was no person's, once the replies have come."""
        if not self.console.terminal:
            await self._replies()
        await self.close()

    async def _replies(self) -> None:
        with suppress(ConnectionClosed):
            await self.ping()
            while self.received < self.sent and self.state is State.OPEN:
                self._news = Deferred()
                try:
                    await self._news.addTimeout(_SILENCE, self.factory.clock)
                except TimeoutError:
                    return


async def _run(reactor: Any, options: argparse.Namespace) -> int:
    try:
        uri = parse_uri(options.uri)
        session = await connect(
            options.uri,
            create_protocol=_Session,
            tls=InsecureTLS(uri.host) if options.insecure else None,
            origin=options.origin,
            subprotocols=options.subprotocol,
            additional_headers=options.header,
            user_agent_header=f"txws2/{__version__}",
            open_timeout=options.timeout,
            reactor=reactor,
        )
    except Exception as exc:
        _say(f"can't connect to {options.uri}: {exc}")
        advice = hint(exc)
        if advice is not None:
            _say(advice)
        return 1
    assert isinstance(session, _Session)
    session.shows_pings = options.ping
    steerable = sys.stdout.isatty()
    terminal = sys.stdin.isatty() and steerable
    console = Console(session.send_line, terminal=terminal, steerable=steerable)
    session.console = console
    StandardIO(console)
    chosen = f", speaking {session.subprotocol}" if session.subprotocol else ""
    console.note(f"connected to {options.uri}{chosen}; Ctrl-D to close")
    # When a signal stops the reactor, that waits for all of this to end.
    finished: Deferred[None] = Deferred()
    reactor.addSystemEventTrigger("before", "shutdown", lambda: session.close() and finished)
    console.ended.addCallback(lambda _: Deferred.fromCoroutine(session.finish()))
    console.gone.addCallback(lambda _: session.close())
    pinging = LoopingCall(session.show_latency)
    if options.ping:
        pinging.start(1)

    await session.wait_closed()
    if pinging.running:
        pinging.stop()
    await console.leave()
    status = _report(session)
    finished.callback(None)
    return status


def _report(session: _Session) -> int:
    """Say how the connection ended; return the exit status."""
    assert session.close_code is not None
    _say(f"closed: {Close(session.close_code, session.close_reason or '')}")
    return 0 if session.close_code in (CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY) else 1


def main(arguments: Sequence[str] = sys.argv[1:]) -> None:
    """Run until the connection is closed; exit with a status that tells how that went."""
    options = _arguments(arguments)

    async def run(reactor: Any) -> None:
        status = await _run(reactor, options)
        if status:
            raise SystemExit(status)

    react(run)


if __name__ == "__main__":
    main()
