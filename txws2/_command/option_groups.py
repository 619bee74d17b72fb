"""All options of `twistd ws`, in the groups and in the order of the help."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.python import usage

from txws2._command.authentication import AUTHENTICATION
from txws2._command.endpoints import endpoint_of
from txws2._command.modes.table import MODES
from txws2._command.option import Group, Option, listed, number
from txws2._command.tls import TLS
from txws2.wire.http.readers import MAX_HEADERS, MAX_LINE_SIZE

__all__ = ["GROUPS", "OF_THE_FILE"]


def _host(text: str) -> str:
    if text in ("0.0.0.0", "::", "*"):
        raise usage.UsageError(
            f"--host must be a host that clients request, and no client requests {text}; "
            "--listen has the address to listen on, as tcp:8000"
        )
    return text


_LISTEN = Option(
    "listen",
    "8000 for this machine only, :8000 for all, 0.0.0.0:80, [::]:443, or an endpoint of Twisted, "
    "as unix:/run/ws.sock",
    "WHERE",
    endpoint_of,
    otherwise="8000",
    many=True,
    short="l",
)

_CONFIG = Option("config", "a file with any of these options, in TOML", "FILE")
_CHECK = Option("check-config", "say all that is wrong with the options, and end")

OF_THE_FILE = ("config", "check-config")
"""Options of the configuration file, which it can't have itself."""

_SERVED = Group(
    "Served",
    tuple(mode.option for mode in MODES if not mode.page),
    "Each may be repeated, for other paths. PATH begins with /, and is / by default. It has all "
    "paths below it, too.",
)

_PAGES = Group("Pages about the server", tuple(mode.option for mode in MODES if mode.page))

_SERVER = Group("Server", (_LISTEN, _CONFIG, _CHECK))

_ACCESS = Group(
    "Who may connect",
    (
        Option(
            "origin",
            "pages of this origin, as https://example.com; same-origin, pages of the host that "
            "they connect to; none, programs; any, all pages, and then each page that somebody "
            "visits can connect as that person",
            "ORIGIN",
            # Browsers send origins in lower case.
            str.lower,
            otherwise="same-origin and none",
            many=True,
        ),
        Option(
            "host",
            "the hosts to answer for: a name, an address, a network, or any",
            "HOST",
            _host,
            otherwise="any; but localhost, 127.0.0.0/8, ::1 and the hosts of --listen and --origin "
            "while it listens on the loopback only and trusts no proxy",
            many=True,
        ),
        Option(
            "subprotocol", "a subprotocol that the server speaks, best first", "NAME", many=True
        ),
        Option(
            "trusted-proxy",
            "proxies whose word on a client's address counts: a network, as 10.0.0.0/8, or unix, "
            "for Unix sockets",
            "NETWORK",
            many=True,
        ),
    ),
)

_LIMITS = Group(
    "Limits",
    (
        number("max-size", "largest size of a message", "SIZE", 2**20, "1M"),
        number("max-connections", "most WebSockets at once", "NUMBER", None, "none"),
        number(
            "max-connections-per-host",
            "most WebSockets at once from one host",
            "NUMBER",
            None,
            "none",
        ),
        number(
            "compression-memory",
            "largest memory of compression, for all connections",
            "SIZE",
            2**26,
            "64M",
        ),
        number(
            "max-line-size",
            "largest size of a line of a request, as of cookies",
            "SIZE, 1",
            MAX_LINE_SIZE,
            "8K",
        ),
        number("max-headers", "most headers of a request", "HEADERS", MAX_HEADERS, "128"),
    ),
    "In a SIZE, K, M and G count by 1024, as KiB, MiB and GiB do; KB, MB and GB count by 1000. "
    "none is no limit, except for the two limits of a request.",
)

_TIMES = Group(
    "Times",
    (
        number("ping-interval", "time between keepalive pings", "TIME", 20, "20s"),
        number("ping-timeout", "time to wait for a sign of life", "TIME", 20, "20s"),
        number("open-timeout", "time for the opening handshake", "TIME", 10, "10s"),
        number("close-timeout", "time for the closing handshake", "TIME", 10, "10s"),
        number(
            "drain",
            "time for which open connections may go on after a signal to stop, before they are "
            "closed; a second signal ends the process at once",
            "TIME, 0",
            0,
            "0",
        ),
        number(
            "idle-exit",
            "time without any open WebSocket after which the process ends, with status 0",
            "TIME",
            None,
            "none",
        ),
    ),
    "A TIME is in seconds, or as 500ms, 10s, 2m or 1h; none is no limit.",
)

_LOG = Group(
    "Log",
    (
        Option("log-connections", "log each connection: opened, closed, refused"),
        Option(
            "access-log",
            "a line for each request and each WebSocket that has ended, in the common format of "
            "web servers; - is standard output",
            "FILE",
        ),
        Option("json-log", "log one JSON object on each line"),
    ),
)


def _of_modes() -> Iterator[Group]:
    """Generate a group for the settings of each mode, and for those that the same modes share."""
    sharing: dict[Option, list[str]] = {}
    for mode in MODES:
        for setting in mode.settings:
            sharing.setdefault(setting, []).append(f"--{mode.option.name}")
    for names in dict.fromkeys(map(tuple, sharing.values())):
        settings = tuple(each for each, found in sharing.items() if tuple(found) == names)
        yield Group(f"With {listed(names)}", settings)


GROUPS: tuple[Group, ...] = (
    _SERVED,
    _SERVER,
    TLS,
    _PAGES,
    *_of_modes(),
    _ACCESS,
    AUTHENTICATION,
    _LIMITS,
    _TIMES,
    _LOG,
)
"""The groups of options."""
