"""`Health` and `Metrics`: answers for the programs that watch a server."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from txws2._pages.documents import text
from txws2._pages.visit import Visit
from txws2.server.factory import WebSocketServerFactory
from txws2.wire.http.heads import Response

__all__ = ["Health", "Metrics"]


class Health:
    """Says whether clients are welcome: 200, or 503 once the server stops."""

    factory: WebSocketServerFactory | None = None
    open = True

    def __init__(self) -> None:
        self._factories: Mapping[str, WebSocketServerFactory] = {}

    def watch(self, factories: Mapping[str, WebSocketServerFactory]) -> None:
        """Take the factories of the server."""
        self._factories = factories

    def __call__(self, visit: Visit) -> Response:
        """Return the answer."""
        if any(each._stops or each._shutting_down for each in self._factories.values()):
            return text(HTTPStatus.SERVICE_UNAVAILABLE, "stopping\n")
        return text(HTTPStatus.OK, "ok\n")


class Metrics:
    """The counters for Prometheus.

    Args:
        reactor: the reactor.

    Raises:
        ValueError: prometheus-client isn't installed.
    """

    factory: WebSocketServerFactory | None = None
    open = False

    def __init__(self, reactor: Any) -> None:
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector
        except ImportError as exc:
            raise ValueError(
                "the package prometheus-client isn't installed; txws2[metrics] has it"
            ) from exc
        self._reactor = reactor
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)

    def watch(self, factories: Mapping[str, WebSocketServerFactory]) -> None:
        """Collect from these factories."""
        from txws2.metrics import WebSocketCollector

        self._registry.register(WebSocketCollector(factories, self._reactor))

    def __call__(self, visit: Visit) -> Response:
        """Return the counters as they are now."""
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

        response = text(HTTPStatus.OK, generate_latest(self._registry).decode())
        response.headers.setRawHeaders("Content-Type", [CONTENT_TYPE_LATEST])
        return response
