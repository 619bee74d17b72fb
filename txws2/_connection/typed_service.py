"""Twisted's `Service` with types, for the services of both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

__all__ = ["TypedService"]

if TYPE_CHECKING:
    # Twisted's methods have no types, so mypy would report every call of them.

    class TypedService(Service):
        """A service of twisted.application."""

        def setName(self, name: str) -> None:
            """Name the service."""

        def setServiceParent(self, parent: object) -> None:
            """Add the service to an application, or to a MultiService."""

        def disownServiceParent(self) -> Deferred[Any] | None:
            """Remove the service from its parent."""

        def privilegedStartService(self) -> None:
            """Prepare to start, before the process gives up its privileges."""

        def startService(self) -> None:
            """Start the service."""

        def stopService(self) -> Deferred[Any] | None:
            """Stop the service."""

else:
    TypedService = Service
