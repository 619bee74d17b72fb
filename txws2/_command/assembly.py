"""The factory of a server, assembled from the options of `twistd ws`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from txws2._command.authentication import authenticators
from txws2._command.joining import has_console, joined, redirect
from txws2._command.modes.mode import Making
from txws2._command.option import WrongOption, WrongOptions
from txws2._command.places import conflicts, make_all
from txws2._command.problems import useless_options, wrong_values
from txws2._command.tap_options import CommandSpelling, Options, names_of_loopback, settings_of
from txws2._command.tls import certificate_files, tls_problems
from txws2._pages.open_pages import put_open_pages_first
from txws2._pages.pages import Pages
from txws2.server.certificate_files import CertificateFiles
from txws2.server.factory import WebSocketServerFactory
from txws2.server.hooks import ProcessRequest, put_before
from txws2.server.mounts import Mounts, factories_of

__all__ = ["Assembled", "assemble"]


class Assembled(NamedTuple):
    """All that a service needs.

    Attributes:
        factory: makes the connections.
        commanded: its factories that have the options of the command line.
        services: services to start and stop with it.
        names: the hosts to answer for on the loopback.
        certificate: the certificate for TLS; None if there is none.
        redirect: the factory of --redirect-http; None if there is none.
        reloads: functions that read or open files again.
        has_console: True if browsers get the console at "/".
        visited: its factories of WebSockets that aren't those of pages about the server.
    """

    factory: WebSocketServerFactory | Mounts
    commanded: tuple[WebSocketServerFactory, ...]
    services: list[Any]
    names: list[str]
    certificate: CertificateFiles | None
    redirect: Mounts | None
    reloads: list[Callable[[], object]]
    has_console: bool
    visited: tuple[WebSocketServerFactory, ...]


def assemble(options: Options, endpoints: list[str], reactor: Any, directory: str) -> Assembled:
    """Make the factory of a server.

    Args:
        options: the options.
        endpoints: the descriptions of the endpoints to listen at.
        reactor: the reactor.
        directory: the current directory.

    Raises:
        WrongOptions: some options are wrong, or can't go together.
    """
    problems: list[WrongOption] = [*wrong_values(options), *conflicts(options)]
    # With settings that are right, the modes find what else is wrong.
    right = type(options)() if problems else options
    making = Making(options, settings_of(right), reactor, directory)
    made = make_all(options, making, problems)
    problems += useless_options(options, making, made)
    problems += tls_problems(options, endpoints)
    certificate = certificate_files(options, problems)
    guards = authenticators(options, reactor, problems)
    access_log = _access_log(options, problems)
    if problems:
        # Places of one mode have the same problem with a setting that they share.
        raise WrongOptions(list(dict.fromkeys(options.located(each) for each in problems)))
    names = names_of_loopback(options, endpoints)
    pages = Pages(list(made.sockets), made.answers, has_console(made, making), making.ways)
    factory = joined(made, pages, making, guards, access_log)
    factories = factories_of(factory)
    commanded = tuple(each for each in factories if each not in making.own)
    _prepare(commanded, CommandSpelling(options, names), guards.hooks())
    put_open_pages_first(pages, factories)
    for each in factories:
        # This changes nothing for a factory that has options of its own.
        each.access_log = None if access_log is None else access_log.websocket
    of_pages = {answer.factory for answer in made.answers.values()}
    return Assembled(
        factory,
        commanded,
        making.services,
        names,
        certificate,
        redirect(options, endpoints, made, making) if options["redirect-http"] else None,
        _reloads(certificate, access_log),
        has_console=has_console(made, making),
        visited=tuple(each for each in factories if each not in of_pages),
    )


def _access_log(options: Options, problems: list[WrongOption]) -> Any:
    """Return the access log, if there is one; add to the problems."""
    path = options["access-log"]
    if path is None or problems:
        return None
    # Only this needs twisted.web.
    from txws2._command.access_log import AccessLog

    try:
        return AccessLog(path, options["trusted-proxy"], create=not options.checking)
    except ValueError as exc:
        problems.append(WrongOption("access-log", f"--access-log: {exc}"))
        return None


def _prepare(
    factories: tuple[WebSocketServerFactory, ...],
    spelling: CommandSpelling,
    guards: Sequence[ProcessRequest],
) -> None:
    """Give factories all that the options of the command line are about."""
    for each in factories:
        # The limits hold for all factories together.
        each.admission = factories[0].admission
        each.compression_budget = factories[0].compression_budget
        each._warnings.spelling = spelling
        each.hooks = put_before(each.hooks, guards)


def _reloads(certificate: CertificateFiles | None, access_log: Any) -> list[Callable[[], object]]:
    found: list[Callable[[], object]] = []
    if certificate is not None:
        found.append(certificate.reload)
    if access_log is not None:
        found.append(access_log.reopen)
    return found
