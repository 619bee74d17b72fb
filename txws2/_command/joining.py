"""One factory for all that `twistd ws` serves: WebSockets, sites, and pages about the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from txws2._command.authentication import Guards
from txws2._command.limited_mounts import LimitedMounts
from txws2._command.modes.mode import Making
from txws2._command.places import Made
from txws2._command.tap_options import Options
from txws2._command.tls import https_port
from txws2._pages.documents import ASSETS
from txws2._pages.pages import Pages
from txws2.server.factory import WebSocketServerFactory
from txws2.server.mounts import Mounts, factories_of
from txws2.wire.http.hosts import Hosts

__all__ = ["has_console", "joined", "redirect"]


def has_console(made: Made, making: Making) -> bool:
    """Tell whether "/" is for the console; the resource of a WebSocket leaves it to that."""
    return "/" not in made.sites or "/" in making.resources


def joined(
    made: Made, pages: Pages, making: Making, guards: Guards, access_log: Any
) -> WebSocketServerFactory | Mounts:
    """Return one factory for all places, and give it its pages."""
    live = {path: each.factory for path, each in made.answers.items() if each.factory is not None}
    sockets = {**made.sockets, **live}
    joined: WebSocketServerFactory | Mounts
    if not made.sites and list(sockets) == ["/"]:
        joined = sockets["/"]
    elif not made.sites:
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


def _tree(made: Made, pages: Pages, making: Making, guards: Guards) -> Any:
    """Return the resource of the site; the guards are in front of all but the open pages."""
    # Only sites need twisted.web.
    from txws2._command.site_resources import Tree
    from txws2._pages.site import PagesResource
    from txws2.server.guarded_resource import GuardedResource

    ours = PagesResource(pages)
    for each in making.resources.values():
        each.introduce = ours.render
    tree: dict[str, Any] = {"/": ours, ASSETS: ours, **made.sites}
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


def redirect(options: Options, endpoints: Sequence[str], made: Made, making: Making) -> Mounts:
    """Return the factory of --redirect-http."""
    # Only sites need twisted.web.
    from txws2._command.https_redirect import HTTPSRedirect
    from txws2._command.site_resources import HostCheck, Tree

    static = {place.path: made.sites[place.path] for place in options["static"]}
    hosts = making.settings["hosts"]
    known = None if hosts is None else Hosts(hosts)
    site = HTTPSRedirect(https_port(endpoints), Tree(static) if static else None)
    return LimitedMounts({}, HostCheck(site, lambda: known), making.settings, making.reactor)
