"""Finding and reaching the target of a request, within a limit of time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from txws2._connection.handle import driver_of
from txws2._connection.journal import RareWarnings
from txws2._deferreds.callables import result_of
from txws2._time.time_limit import TimeLimit
from txws2.client.dialer import Dialer
from txws2.client.tls import TLS
from txws2.exceptions import InvalidHeader, InvalidStatus, OpeningTimeout
from txws2.forward.addresses import Address, described, parse_address
from txws2.forward.onward_request import InvalidOnwardPath, onward_uri, refusal_of
from txws2.forward.stream import Stream, open_stream
from txws2.forward.targets import short, token_of
from txws2.forward.upstream import Upstream, open_upstream
from txws2.server.protocol import WebSocketServerProtocol
from txws2.wire.closing import CloseCode
from txws2.wire.handshake.server import refusal
from txws2.wire.http.heads import Request, Response

__all__ = ["FindTarget", "Link", "Reach", "Refused"]

FindTarget = Callable[[Request], Address | Awaitable[Address | None] | None]
"""A function that returns the address of the target of a request; None if there is none."""

Link = Stream | Upstream
"""The connection to a target."""

# Usually, the client gets a 504 of ours before its time for the handshake is over.
_SHARE = 0.9


class Refused(Exception):
    """The WebSocket has no target, or its target can't be reached.

    Attributes:
        response: the response that refuses the WebSocket.
        code: the close code for a WebSocket that is open already.
        reason: the close reason likewise.
    """

    def __init__(self, response: Response, code: int, reason: str) -> None:
        super().__init__(reason)
        self.response = response
        self.code = code
        self.reason = reason


class Reach:
    """Connects to the target of each request.

    Args:
        where: the address of the target; None if `find` finds it.
        find: finds the address of the target; None if there is only one.
        mount: the path that the target has here.
        timeout: the seconds that this may take.
        tls: the authorities to trust for wss URIs, as `Dialer` takes them.
        reactor: the reactor to run on.
    """

    def __init__(
        self,
        where: Address | None,
        find: FindTarget | None,
        mount: str,
        timeout: float,
        tls: TLS | None,
        reactor: Any,
    ) -> None:
        self._where = where
        self._find = find
        self._mount = mount
        self._timeout = timeout
        # The environment's proxy is for programs that this machine's user runs.
        self._dialer = Dialer(proxy=None, tls=tls)
        self._reactor = reactor
        self._log = Logger(namespace="txws2.server")
        self._warnings = RareWarnings(self._log, reactor)

    async def __call__(self, ws: WebSocketServerProtocol, request: Request) -> Link:
        """Return a connection to the target of a request.

        Raises:
            Refused: there is no such target, or it can't be reached.
        """
        seconds, limit = self._timeout, ws.factory.open_timeout
        if limit is not None:
            seconds = min(seconds, limit * _SHARE)
        time = TimeLimit(ws.factory.clock, seconds)
        address = await self._find_address(ws, request, time)
        try:
            found: Link = await time.wait(self._connect(address, ws, request), "the target")
        except CancelledError:
            # The client has left.
            raise
        except InvalidStatus as exc:
            self._log_refusal(ws, exc, address)
            raise _bad_gateway(refusal_of(exc.response), "the target refuses") from exc
        except (InvalidHeader, InvalidOnwardPath) as exc:
            why = "the request can't be forwarded"
            raise Refused(refusal(exc), CloseCode.POLICY_VIOLATION, why) from exc
        except Exception as exc:
            advice = f"see whether the target {described(address)} is running"
            raise self._unreachable(ws, exc, advice) from exc
        return found

    async def _find_address(
        self, ws: WebSocketServerProtocol, request: Request, time: TimeLimit
    ) -> Address:
        if self._find is None:
            assert self._where is not None
            return self._where
        try:
            found: Address | None = await time.wait(
                result_of(self._find(request)), "the choice of a target"
            )
        except CancelledError:
            raise
        except Exception as exc:
            advice = "see why the function that finds targets has failed"
            raise self._unreachable(ws, exc, advice) from exc
        if found is None:
            raise self._unknown(ws, request)
        return found

    async def _connect(
        self, address: Address, ws: WebSocketServerProtocol, request: Request
    ) -> Link:
        found = parse_address(address, self._reactor)
        if isinstance(found, str):
            uri = onward_uri(found, request.path, self._mount)
            return await open_upstream(uri, ws, request, self._dialer, self._reactor)
        return await open_stream(found, ws)

    def _log_refusal(
        self, ws: WebSocketServerProtocol, reason: InvalidStatus, address: Address
    ) -> None:
        """Warn of an answer that tells of a mistake in the configuration, here or there."""
        status = reason.response.status_code
        # The others are for the client: it has to prove who it is, for instance.
        if not 400 <= status < 500 or status == HTTPStatus.NOT_FOUND:
            advice = (
                f"see the log of the target {described(address)}, and whether its path is right"
            )
            self._warnings.refused(driver_of(ws), status, reason, advice)

    def _unreachable(self, ws: WebSocketServerProtocol, reason: Exception, advice: str) -> Refused:
        late = isinstance(reason, OpeningTimeout)
        status = HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY
        self._warnings.refused(driver_of(ws), status, reason, advice)
        # The text tells nothing about the network behind this server.
        why = "hasn't answered in time" if late else "can't be reached"
        response = Response.plain(status, f"The target of this WebSocket {why}.\n")
        return _bad_gateway(response, f"the target {why}")

    def _unknown(self, ws: WebSocketServerProtocol, request: Request) -> Refused:
        self._log.info(
            "{connection} has no target: the token {token} isn't known",
            connection=ws.id,
            token=repr(short(token_of(request))),
        )
        text = "This WebSocket has no target: its token isn't known.\n"
        response = Response.plain(HTTPStatus.NOT_FOUND, text)
        return Refused(response, CloseCode.POLICY_VIOLATION, "no such target")


def _bad_gateway(response: Response, reason: str) -> Refused:
    return Refused(response, CloseCode.BAD_GATEWAY, reason)
