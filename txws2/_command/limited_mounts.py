"""`Mounts` of `twistd ws`: the limits of the command line hold for the site, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from txws2.server.factory import FactoryOptions, WebSocketServerFactory
from txws2.server.mounts import Mounts

__all__ = ["LimitedMounts"]

_LIMITS = ("open_timeout", "close_timeout", "max_line_size", "max_headers", "log_connections")


class LimitedMounts(Mounts):
    """Mounts that have limits of their own.

    Otherwise, these are the limits of the first factory. That may be a factory of an application,
    or of the status page, and a site alone has no factory.

    Args:
        factories: the factories, by their paths.
        site: the site; None if there is none.
        settings: the options of the command line.
        reactor: the reactor.
    """

    def __init__(
        self,
        factories: Mapping[str, WebSocketServerFactory],
        site: Any,
        settings: FactoryOptions,
        reactor: Any,
    ) -> None:
        self._limits: Any = {name: settings[name] for name in _LIMITS}  # type: ignore[literal-required]
        super().__init__(factories, site, reactor=reactor)

    def _make_rest(
        self, mounted: Sequence[WebSocketServerFactory], reactor: Any
    ) -> WebSocketServerFactory:
        return WebSocketServerFactory(
            process_request=self._no_mount, reactor=reactor, **self._limits
        )
