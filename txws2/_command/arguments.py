"""The command line of `python -m txws2`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, NoReturn

from txws2 import __version__
from txws2._accelerator import about
from txws2._checks.quantities import Quantity, duration, size
from txws2._command.stdio import show

__all__ = ["command_parser", "parse_arguments", "parse_replay", "replay_parser"]

_EPILOG = """\
Each line of input is sent as a text message; each message that arrives is printed on a line.
At the end of the input (Ctrl-D) the connection is closed with 1000. If the input is a pipe or
a file, the connection is closed once as many messages have come as were sent, or none has come
for a second; see --wait. A signal (Ctrl-C) closes the connection, too; a second signal ends the
program at once.
The exit status is 0 if the connection was opened, and both sides closed it with 1000, 1001 or
no code; with --reconnect, the last connection counts. It is 1 otherwise, and if messages could
not be printed.
`python -m txws2 replay` plays a recording of `twistd ws --record`, and has a --help of its own.
"""


_EPILOG_OF_REPLAY = """\
The file is checked before the connection is made. The subprotocol of the recording is offered,
unless --subprotocol has others. All that the server sends is dropped; its times may differ.
Ctrl-C closes the connection; a second one ends the program at once.
The exit status is 0 if all messages were sent, and both sides closed the connection with 1000,
1001 or no code. It is 1 otherwise, and 2 if the options make no sense.
"""


class _Parser(argparse.ArgumentParser):
    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End the command, after what was printed is written."""
        show()
        super().exit(status, message)

    def error(self, message: str) -> NoReturn:
        """Exit with a single line instead of argparse's whole usage, so the error is seen."""
        self.exit(2, f"{self.prog}: {message}; --help shows all options\n")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the options; exit with status 2 if they make no sense."""
        options = self.parse_args(arguments)
        if options.insecure and (options.cacert or options.cert):
            self.error("--insecure excludes --cacert and --cert: it verifies and shows nothing")
        return options


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; exit with status 2 if they make no sense.

    Args:
        arguments: the command line, without the program's name.
    """
    return command_parser().parse(arguments)


def parse_replay(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of `python -m txws2 replay`; exit with status 2 if they make no sense.

    Args:
        arguments: the command line behind "replay".
    """
    return replay_parser().parse(arguments)


def command_parser() -> _Parser:
    """Return the parser of `python -m txws2`."""
    parser = _Parser(
        prog="python -m txws2",
        description="Connect to a WebSocket server, send what is typed, print what arrives.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_uri(parser)
    _add_request(parser)
    _add_console(parser)
    _add_proxy(parser)
    _add_limits(parser)
    _add_tls(parser)
    parser.add_argument("--version", action="version", version=f"txws2 {__version__} {about()}")
    return parser


def replay_parser() -> _Parser:
    """Return the parser of `python -m txws2 replay`."""
    parser = _Parser(
        prog="python -m txws2 replay",
        description="Play a recording of `twistd ws --record` to a WebSocket server: the messages\n"
        "that the client has sent, with the times between them.",
        epilog=_EPILOG_OF_REPLAY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="the recording")
    _add_uri(parser)
    parser.add_argument(
        "--speed",
        metavar="NUMBER",
        type=_speed,
        default=1.0,
        help="play so many times as fast: 2 takes half the time, 0.5 twice the time, and inf none",
    )
    _add_request(parser)
    _add_proxy(parser)
    _add_limits(parser)
    _add_tls(parser)
    return parser


def _add_uri(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "uri",
        metavar="URI",
        help="ws://host:port/path or wss://host/path; a USER:PASSWORD@ before the host is sent as "
        "Basic, and answers a 401 by Digest",
    )


def _add_request(parser: argparse.ArgumentParser) -> None:
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


def _add_console(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-P",
        "--ping",
        action="store_true",
        help="send a ping every second, show the time until its pong, and show the server's pings",
    )
    parser.add_argument(
        "-r",
        "--reconnect",
        action="store_true",
        help="connect again whenever the connection ends or can't be made, "
        "until the end of the input; lines that are typed meanwhile wait",
    )
    parser.add_argument(
        "-w",
        "--wait",
        metavar="TIME",
        type=_read(duration(words={"inf": inf})),
        help="keep the connection for this time after the end of the input, as 30 or 30s; inf "
        "until the server closes it",
    )


def _add_proxy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-x",
        "--proxy",
        metavar="URL",
        type=_proxy,
        default=True,
        help="connect through this proxy instead of the one in the environment: "
        "http://USER:PASSWORD@HOST:PORT, or with https://, socks5h:// (or socks://), socks5://, "
        "socks4a:// or socks4://; HOST:PORT is an http proxy; the user and the password are sent "
        "as Basic, and answer a 407 by Digest; none for no proxy",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-t",
        "--timeout",
        metavar="TIME",
        type=_read(duration(beyond=True)),
        default=10.0,
        help="the time to connect (10s): seconds, or a time as 500ms, 10s or 2m",
    )
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=_read(size(least=1, words={"none": None})),
        default=2**20,
        help="the largest message (1MiB): bytes, or a size as 64KiB or 10MB; none for no limit",
    )


def _add_tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-n",
        "--insecure",
        action="store_true",
        help="accept any TLS certificate; anybody on the network can read and change everything",
    )
    parser.add_argument(
        "--cacert",
        metavar="FILE",
        help="trust the authorities whose certificates are in this PEM file, and no others; "
        "for the server, and for an https proxy",
    )
    parser.add_argument(
        "--cert",
        metavar="FILE",
        help="show the certificate in this PEM file, which must also have its key",
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} isn't of the form NAME:VALUE")
    return name.strip(), value.strip()


def _read(quantity: Quantity) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return quantity(text)
        except ValueError as exc:
            # argparse shows the text of this exception only.
            raise argparse.ArgumentTypeError(str(exc)) from exc

    return read


def _proxy(text: str) -> str | None:
    return None if text == "none" else text


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a number over 0, as 2, 0.5 or inf")
    return speed
