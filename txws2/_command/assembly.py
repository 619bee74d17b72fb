"""The factory of a server, assembled from the options of `twistd ws`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from txws2._command.authentication import Guards, authenticating, authenticators
from txws2._command.limited_mounts import LimitedMounts
from txws2._command.modes.mode import Making, Mode, Place
from txws2._command.modes.table import MODES
from txws2._command.option import WrongOption, WrongOptions
from txws2._command.tap_options import CommandSpelling, Options, names_of_loopback, settings_of
from txws2._command.tls import TLS, certificate_files, https_port, tls_problems
from txws2._pages.documents import ASSETS
from txws2._pages.open_pages import put_open_pages_first
from txws2._pages.pages import Pages
from txws2.exceptions import NegotiationError
from txws2.server.certificate_files import CertificateFiles
from txws2.server.factory import WebSocketServerFactory
from txws2.server.hooks import put_before
from txws2.server.mounts import Mounts, factories_of
from txws2.wire.handshake.origins import check_origins
from txws2.wire.handshake.rules import check_subprotocols
from txws2.wire.http.hosts import Hosts
from txws2.wire.http.ip_addresses import Networks
from txws2.wire.http.mount_points import segments_of_point

__all__ = ["Assembled", "assemble"]

# These options aren't options of a factory.
_OF_THE_SERVICE = {
    "access-log",
    "check-config",
    "config",
    "drain",
    "idle-exit",
    "json-log",
    "listen",
} | {each.name for each in TLS.options}

# Most of these lists are checked by the factory, too; it doesn't know from which option they come.
_CHECKS: dict[str, Callable[[list[Any]], object]] = {
    "origin": lambda texts: check_origins([text for text in texts if text not in ("any", "none")]),
    "host": lambda texts: Hosts([text for text in texts if text != "any"]),
    "subprotocol": check_subprotocols,
    "trusted-proxy": Networks,
}


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


class _Made(NamedTuple):
    sockets: dict[str, WebSocketServerFactory]
    pages: dict[str, Any]
    answers: dict[str, Any]


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
    problems: list[WrongOption] = [*_wrong_values(options), *_conflicts(options)]
    # With settings that are right, the modes find what else is wrong.
    right = type(options)() if problems else options
    making = Making(options, settings_of(right), reactor, directory)
    made = _make_all(options, making, problems)
    problems += _without_effect(options, making, made)
    problems += _without_choice(making, made)
    problems += _unguarded(options, making, made)
    problems += tls_problems(options, endpoints)
    certificate = certificate_files(options, problems)
    guards = authenticators(options, reactor, problems)
    access_log = _access_log(options, problems)
    if problems:
        # Places of one mode have the same problem with a setting that they share.
        raise WrongOptions(list(dict.fromkeys(options.located(each) for each in problems)))
    names = names_of_loopback(options, endpoints)
    spelling = CommandSpelling(options, names)
    has_console = _has_console(made, making)
    pages = Pages(list(made.sockets), made.answers, has_console, making.ways)
    factory = _joined(made, pages, making, guards, access_log)
    commanded = tuple(each for each in factories_of(factory) if each not in making.own)
    _share_limits(commanded)
    for each in commanded:
        each._warnings.spelling = spelling
        each.hooks = put_before(each.hooks, guards.hooks())
    put_open_pages_first(pages, factories_of(factory))
    for each in factories_of(factory):
        # This changes nothing for a factory that has options of its own.
        each.access_log = None if access_log is None else access_log.websocket
    redirect = _redirect(options, endpoints, made, making) if options["redirect-http"] else None
    reloads: list[Callable[[], object]] = [
        each.reload for each in (certificate,) if each is not None
    ]
    reloads += [each.reopen for each in (access_log,) if each is not None]
    of_pages = {answer.factory for answer in made.answers.values()}
    visited = tuple(each for each in factories_of(factory) if each not in of_pages)
    return Assembled(
        factory,
        commanded,
        making.services,
        names,
        certificate,
        redirect,
        reloads,
        has_console=has_console,
        visited=visited,
    )


def _places(options: Options) -> Iterator[tuple[Mode, Place]]:
    """Generate all places, each with its mode; an echo at "/" if nothing is to be served."""
    found = [(mode, place) for mode in MODES for place in options[mode.option.name]]
    if all(mode.page for mode, _ in found):
        yield next(mode for mode in MODES if mode.option.name == "echo"), Place("/", "")
    yield from found


def _wrong_values(options: Options) -> Iterator[WrongOption]:
    for name, check in _CHECKS.items():
        for value in options[name]:
            try:
                check([value])
            except (NegotiationError, ValueError) as exc:
                yield WrongOption(name, str(exc), value)


def _conflicts(options: Options) -> Iterator[WrongOption]:
    """Generate a problem for each place that is taken already."""
    taken: dict[tuple[bool, tuple[str, ...]], str] = {}
    for mode, place in _places(options):
        name = mode.option.name
        segments = segments_of_point(place.path)
        # A page may have a WebSocket of its own.
        both_kinds = mode.page or mode.has_resource
        keys = [(kind, segments) for kind in (True, False) if both_kinds or kind == mode.site]
        other = next((taken[key] for key in keys if key in taken), None)
        if other is None:
            taken.update(dict.fromkeys(keys, name))
            continue
        both = f"--{other} and --{name} are both" if other != name else f"--{name} is"
        twice = " twice" if other == name else ""
        yield WrongOption(
            name,
            f"{both} at {place.path!r}{twice}; give one of them another path, as --{name} "
            f"{_example(mode)}",
            place.what,
        )


def _example(mode: Mode) -> str:
    return "/other" if mode.option.bare is not None else "/other=..."


def _make_all(options: Options, making: Making, problems: list[WrongOption]) -> _Made:
    """Make the factories and resources; add to the problems."""
    made = _Made({}, {}, {})
    for mode, place in _places(options):
        target: dict[str, Any] = made.pages if mode.site else made.sockets
        if mode.page:
            target = made.answers
        try:
            target[place.path] = mode.make(place.what, replace(making, path=place.path))
        except WrongOption as exc:
            problems.append(exc)
        except (NegotiationError, ValueError) as exc:
            problems.append(WrongOption(mode.option.name, str(exc), place.what))
    made.pages.update(making.resources)
    return made


def _without_effect(options: Options, making: Making, made: _Made) -> Iterator[WrongOption]:
    """Generate a problem if options would have no effect, such as an --origin that refuses no page.

    That is so if all WebSockets are those of factories with options of their own.
    """
    if not made.sockets or any(each not in making.own for each in made.sockets.values()):
        return
    allowed = _OF_THE_SERVICE | {mode.option.name for mode in MODES}
    allowed |= {each.name for mode in MODES if mode.page for each in mode.settings}
    if made.pages:
        allowed |= {"host"}
    wrong = [name for name in dict.fromkeys(options.given) if name not in allowed]
    if wrong:
        names = ", ".join(f"--{name}" for name in wrong)
        yield WrongOption(
            wrong[0],
            f"{options['app'][0].what} is a factory, and has its own options; {names} would have "
            "no effect on it, so give it to the factory in your code",
        )


def _without_choice(making: Making, made: _Made) -> Iterator[WrongOption]:
    """Generate a problem if there are subprotocols, and the handlers choose all themselves."""
    names = making.settings["subprotocols"]
    factories = [each for each in made.sockets.values() if each not in making.own]
    if names and factories and not any(each.subprotocols for each in factories):
        yield WrongOption(
            "subprotocol",
            "--subprotocol has no effect: the target of a --forward chooses the subprotocol",
        )


def _unguarded(options: Options, making: Making, made: _Made) -> Iterator[WrongOption]:
    """Generate a problem if clients would reach a factory of its own without any proof.

    If all factories are such, the options have no effect, which is told already.
    """
    names = authenticating(options)
    own = [path for path, each in made.sockets.items() if each in making.own]
    if names and own and len(own) < len(made.sockets):
        yield WrongOption(
            names[0],
            f"--{names[0]} would have no effect on the factory at {own[0]!r}, which has its own "
            "options; give it a process_request in your code, or serve a handler instead of it",
        )


def _joined(
    made: _Made, pages: Pages, making: Making, guards: Guards, access_log: Any
) -> WebSocketServerFactory | Mounts:
    """Return one factory for all places, and give it its pages."""
    live = {path: each.factory for path, each in made.answers.items() if each.factory is not None}
    sockets = {**made.sockets, **live}
    joined: WebSocketServerFactory | Mounts
    if not made.pages and list(sockets) == ["/"]:
        joined = sockets["/"]
    elif not made.pages:
        joined = LimitedMounts(sockets, None, making.settings, making.reactor)
    else:
        joined = _with_site(_tree(made, pages, making, guards), sockets, making, access_log)
    watched = dict(made.sockets)
    if isinstance(joined, Mounts):
        # The last one has the requests at paths without a mount.
        watched["elsewhere"] = joined.factories[-1]
    for each in factories_of(joined):
        each._pages = pages.answer
    for answer in made.answers.values():
        answer.watch(watched)
    return joined


def _has_console(made: _Made, making: Making) -> bool:
    """Tell whether "/" is for the console; the resource of a WebSocket leaves it to that."""
    return "/" not in made.pages or "/" in making.resources


def _tree(made: _Made, pages: Pages, making: Making, guards: Guards) -> Any:
    """Return the resource of the site; the guards are in front of all but the open pages."""
    # Only sites need twisted.web.
    from txws2._command.site_resources import Tree
    from txws2._pages.site import PagesResource
    from txws2.server.guarded_resource import GuardedResource

    ours = PagesResource(pages)
    for each in making.resources.values():
        each.introduce = ours.render
    tree: dict[str, Any] = {"/": ours, ASSETS: ours, **made.pages}
    tree.update(dict.fromkeys(made.answers, ours))
    proxies = making.settings["trusted_proxies"]
    for path, resource in tree.items():
        hooks = guards.hooks(*making.proofs.get(path, ()))
        if hooks and not (resource is ours and pages.is_open(path)):
            tree[path] = GuardedResource(resource, *hooks, trusted_proxies=proxies)
    return Tree(tree)


def _with_site(
    tree: Any, sockets: dict[str, WebSocketServerFactory], making: Making, access_log: Any
) -> Mounts:
    """Return the factory of a port with a site; guards are in front of all but the open pages."""
    # Only sites need twisted.web.
    from txws2._command.site_resources import HostCheck

    site: Any = HostCheck(tree, lambda: mounts.factories[-1].hosts)
    if access_log is not None:
        from txws2._command.access_log import LoggedSite

        site = LoggedSite(site, access_log, making.reactor)
    mounts = LimitedMounts(sockets, site, making.settings, making.reactor)
    hosts = making.settings["hosts"]
    mounts.factories[-1].hosts = None if hosts is None else Hosts(hosts)
    return mounts


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


def _redirect(options: Options, endpoints: list[str], made: _Made, making: Making) -> Mounts:
    """Return the factory of --redirect-http."""
    # Only sites need twisted.web.
    from txws2._command.https_redirect import HTTPSRedirect
    from txws2._command.site_resources import HostCheck, Tree

    static = {place.path: made.pages[place.path] for place in options["static"]}
    hosts = making.settings["hosts"]
    known = None if hosts is None else Hosts(hosts)
    site = HTTPSRedirect(https_port(endpoints), Tree(static) if static else None)
    return LimitedMounts({}, HostCheck(site, lambda: known), making.settings, making.reactor)


def _share_limits(factories: tuple[WebSocketServerFactory, ...]) -> None:
    """Let the limits hold for all factories together."""
    first, *others = factories or (None,)
    for each in others:
        assert first is not None
        each.admission = first.admission
        each.compression_budget = first.compression_budget
