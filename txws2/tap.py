"""`twistd ws`: a WebSocket server from the command line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from txws2._command.assembly import assemble
from txws2._command.idle_exit import IdleExit
from txws2._command.json_log import log_as_json, will_be_renamed
from txws2._command.modes.echo import Echo
from txws2._command.option import CannotStart, WrongOption, WrongOptions
from txws2._command.services import TwistdService, TwistdServices
from txws2._command.stdio import show
from txws2._command.tap_options import Options as CommandOptions
from txws2._command.tls import secured
from txws2._command.unused import unused_settings
from txws2.server.mounts import Mounts
from txws2.server.server import server_endpoint
from txws2.wire.http.hosts import Hosts

__all__ = ["CannotStart", "Echo", "Options", "makeService"]

_RENAMED = (
    "twistd ws: --logfile={path} isn't a regular file, and twistd renames it once a megabyte is "
    "logged; log to stdout instead (--nodaemon without --logfile), and redirect that"
)

_MIXED = (
    "--access-log - and --json-log would mix two formats on standard output; give --access-log a "
    "file, or twistd a --logfile"
)

_DEFAULT_ENDPOINT = "tcp:8000:interface=127.0.0.1"


class Options(CommandOptions):
    """The options of `twistd ws`."""

    def postOptions(self) -> None:
        """Check the options, and end, if that is all that is asked for.

        Raises:
            CannotStart: an option is wrong.
        """
        super().postOptions()
        if self.parent is not None and any(each["json-log"] for each in self.services()):
            if _logs_to_stdout(self.parent) and "-" in (
                each["access-log"] for each in self.services()
            ):
                raise CannotStart(_MIXED)
            try:
                log_as_json(self.parent)
            except ValueError as exc:
                raise CannotStart(str(exc)) from exc
        if self.parent is not None and will_be_renamed(self.parent):
            # The log itself may go where nobody sees it.
            print(_RENAMED.format(path=self.parent["logfile"]), file=sys.stderr)
        if self["check-config"]:
            makeService(self)
            what = self["config"] or "The command line"
            show(f"{what} is right, and has {_counted(len(self.services()))}.\n")
            sys.exit(0)


def _counted(number: int) -> str:
    return "one server" if number == 1 else f"{number} servers"


def _carried_websocket(endpoint: str) -> str | None:
    """Return the problem of an endpoint that carries WebSocket already."""
    match = re.match("((?:haproxy:)*)(wss?):(.*)", endpoint, re.DOTALL)
    if match is None:
        return None
    before, scheme, rest = match.groups()
    instead = {"ws": "tcp", "wss": "ssl"}[scheme]
    return (
        f"{endpoint!r} would carry WebSocket within WebSocket, which clients don't speak; "
        f"write '{before}{instead}:{rest}'"
    )


def _example_of(endpoint: str) -> str:
    """Say how to write an endpoint; the example has the port that a word seems to have."""
    port = next(iter(re.findall("[0-9]{1,4}", endpoint)), "8000")
    return f"write {port} or tcp:{port}"


def _logs_to_stdout(twistd: Any) -> bool:
    """Return True if twistd, by its own options, logs to its standard output."""
    if twistd is None or not twistd.get("nodaemon"):
        return False
    return twistd["logfile"] in (None, "-") and not (twistd.get("syslog") or twistd["logger"])


def makeService(options: Options) -> TwistdService | TwistdServices:
    """Make the service that `twistd ws` runs.

    Raises:
        CannotStart: an option is wrong, or there is no such application.
    """
    from twisted.internet import reactor

    servers = options.services()
    made, problems = [], [*_listened_twice(servers), *unused_settings(servers)]
    for each in servers:
        try:
            made.append(_make(each, reactor))
        except WrongOptions as exc:
            problems += exc.problems
    if problems:
        raise WrongOptions(problems)
    services = [service for several, _ in made for service in several]
    others = [each for _, more in made for each in more]
    if servers[0]["idle-exit"] is not None:
        # A status page that somebody has left open is no visit.
        factories = [each for service in services for each in service.visited]
        mounts = [each.factory for each in services if isinstance(each.factory, Mounts)]
        others.append(IdleExit(servers[0]["idle-exit"], factories, mounts, reactor))
    if len(services) == 1 and not others:
        return services[0]
    return TwistdServices(services, others)


def _make(options: CommandOptions, reactor: Any) -> tuple[list[TwistdService], list[Any]]:
    """Return the servers, and further services that start and stop with them."""
    endpoints = options["listen"] or [_DEFAULT_ENDPOINT]
    problems = [
        options.located(problem)
        for name, places in (("listen", endpoints), ("redirect-http", options["redirect-http"]))
        for problem in _wrong_endpoints(name, places, reactor)
    ]
    try:
        assembled = assemble(options, endpoints, reactor, os.getcwd())
    except WrongOptions as exc:
        problems += exc.problems
    if problems:
        raise WrongOptions(problems)
    files = assembled.certificate
    where = secured(reactor, endpoints, files)
    service = TwistdService(where, assembled.factory, drain=options["drain"])
    service.reloads = assembled.reloads
    service.logs_to_stdout = _logs_to_stdout(options.parent)
    service.commanded = assembled.commanded
    service.has_console = assembled.has_console
    service.visited = assembled.visited
    if assembled.commanded and not (options["host"] or options["trusted-proxy"]):
        service.hosts_of_loopback = Hosts(assembled.names)
    servers = [service]
    if assembled.redirect is not None:
        servers.append(TwistdService(options["redirect-http"], assembled.redirect))
        servers[-1].logs_to_stdout = service.logs_to_stdout
    return servers, assembled.services


def _listened_twice(servers: Sequence[CommandOptions]) -> Iterator[str]:
    """Generate a problem for each place at which two servers would listen."""
    seen: set[str] = set()
    for options in servers:
        for name, default in (("listen", [_DEFAULT_ENDPOINT]), ("redirect-http", [])):
            for where in options[name] or default:
                if where in seen:
                    twice = " twice" if name == "listen" else ", too"
                    problem = f"--{name} has {where!r}{twice}; only one server can listen there"
                    yield options.located(WrongOption(name, problem, where))
                seen.add(where)


def _wrong_endpoints(name: str, endpoints: list[str], reactor: Any) -> Iterator[WrongOption]:
    """Generate a problem for each description that isn't one of an endpoint to listen at."""
    for endpoint in endpoints:
        problem = _carried_websocket(endpoint)
        if problem is None:
            try:
                server_endpoint(reactor, endpoint)
            except Exception as exc:
                # The plugin of its prefix may raise any exception. systemd's looks for the socket
                # in a list, or by its name.
                missing = endpoint.startswith("systemd:") and isinstance(exc, LookupError)
                reason = "systemd has passed no such socket; start its .socket unit"
                problem = f"{endpoint!r} isn't an endpoint: {reason if missing else exc}"
                if ":" not in endpoint:
                    problem = f"{endpoint!r} isn't an endpoint; {_example_of(endpoint)}"
        if problem is not None:
            yield WrongOption(name, problem, endpoint)
