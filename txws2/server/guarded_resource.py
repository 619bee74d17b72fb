"""`GuardedResource`: the hooks that decide on WebSockets decide on the pages of a site, too."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, cast

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource, getChildForRequest
from twisted.web.server import NOT_DONE_YET, Request

from txws2._checks.signatures import check_hook
from txws2._deferreds.tasks import started
from txws2._transport.capabilities import Address, address_of
from txws2.server.hooks import REQUEST_ARGUMENTS, ProcessRequest, ask_hooks
from txws2.server.mounted_site import put_back
from txws2.server.resource import head_of, respond
from txws2.server.site_bodies import largest_body
from txws2.server.site_clients import site_client
from txws2.wire.exceptions import InvalidHandshake
from txws2.wire.http.heads import Request as Head
from txws2.wire.http.heads import Response
from txws2.wire.http.ip_addresses import Networks

__all__ = ["GuardedResource", "Visitor"]

_log = Logger(namespace="txws2.server")


class Visitor:
    """Takes the place of the connection in a hook that is asked about a page.

    Args:
        request: the request of twisted.web.
        trusted: the proxies whose word on the client counts.

    Attributes:
        username: the user whom a hook has authenticated; None otherwise.
        auth_type: the scheme by which `basic_auth` or `bearer_auth` has let the client in; None
            otherwise.
        site_request: the request of twisted.web.
    """

    username: str | None = None
    auth_type: str | None = None

    def __init__(self, request: Request, trusted: Networks) -> None:
        self.site_request = request
        self._client = site_client(request, trusted)

    @property
    def transport(self) -> Any:
        """The transport of the site's channel."""
        return cast(Any, self.site_request).channel.transport

    @property
    def remote_address(self) -> Address:
        """(host, port) of the client, or the path of a Unix socket."""
        client = self._client
        if client is not None and client.host is not None:
            return client.host, client.port
        return address_of(self.site_request.getClientAddress())

    @property
    def secure(self) -> bool:
        """True if the client uses TLS, with this server or a proxy that is trusted."""
        if self._client is not None and self._client.secure is not None:
            return self._client.secure
        return bool(ISSLTransport.providedBy(self.transport))

    def respond(self, status: int, text: str) -> Response:
        """Make a response that a hook can return."""
        return Response.plain(HTTPStatus(status), text)


class GuardedResource(Resource):
    """A resource of twisted.web with `process_request` hooks in front of it.

    The hooks are called with a visitor in place of a connection, which has `username`,
    `remote_address`, `secure`, `transport`, `site_request` and `respond`, and with the request.
    The first response that is returned is sent. If all return None, the resource gets the request.
    If one raises, the client gets a 500, and the exception is logged.

    It is the root of a site, or stands at any path. It doesn't decide on the WebSockets of
    `WebSocketResource` differently: those that stand below it are asked about by these hooks, and
    then by their own.

    Args:
        resource: the resource behind it.
        *hooks: the hooks, such as that of `basic_auth`. They are asked in turn.
        trusted_proxies: the proxies whose word on the client counts, as for
            `WebSocketServerFactory`.

    Raises:
        TypeError: a hook can't be called with its arguments, or is a generator function.
        ValueError: a proxy isn't an address, a network or "unix".
    """

    def __init__(
        self, resource: Any, *hooks: ProcessRequest, trusted_proxies: Sequence[str] = ()
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        for hook in hooks:
            check_hook("process_request", hook, REQUEST_ARGUMENTS)
        self._resource = resource
        self._hooks = hooks
        self._trusted = Networks(trusted_proxies)

    def largest_body(self, segments: Sequence[bytes]) -> int | None:
        """Return the bytes of the largest body of a request; None for no limit."""
        return largest_body(self._resource, segments)

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:
        """Return a resource that asks the hooks."""
        put_back(request)
        return _Asking(self._resource, self._hooks, self._trusted)

    def render(self, request: Request) -> Any:
        """Ask the hooks about a request for the resource itself."""
        return _Asking(self._resource, self._hooks, self._trusted).render(request)


class _Asking(Resource):
    """Asks the hooks about one request."""

    isLeaf = True

    def __init__(self, resource: Any, hooks: tuple[ProcessRequest, ...], trusted: Networks) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._resource = resource
        self._hooks = hooks
        self._trusted = trusted

    def render(self, request: Request) -> int:
        asking = started(self._decide(request))
        gone = request.notifyFinish()
        # The client has left, and nobody waits for the answer any more.
        gone.addErrback(lambda _: asking.cancel())
        asking.addErrback(_fail, request)
        return NOT_DONE_YET

    async def _decide(self, request: Request) -> None:
        response = await self._ask(request)
        if cast(Any, request).channel is None or request.finished:
            return
        if response is not None:
            respond(request, response)
            return
        resource = getChildForRequest(self._resource, request)
        request.render(resource)

    async def _ask(self, request: Request) -> Response | None:
        try:
            head = Head.received(head_of(request).removesuffix(b"\r\n\r\n"))
            visitor = Visitor(request, self._trusted)
        except InvalidHandshake:
            return Response.plain(HTTPStatus.BAD_REQUEST, "The request is malformed.\n")
        response = await ask_hooks(visitor, self._hooks, head)
        if response is None:
            # For an access log.
            cast(Any, request).remote_user = visitor.username
        return response


def _fail(failure: Failure, request: Request) -> None:
    if failure.check(CancelledError):
        return
    _log.failure("a hook of a site failed", failure)
    if cast(Any, request).channel is not None and not request.finished:
        text = "The request failed: internal error.\n"
        respond(request, Response.plain(HTTPStatus.INTERNAL_SERVER_ERROR, text))
