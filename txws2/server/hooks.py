"""How an application decides on a request, before the connection is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txws2._checks.signatures import check_hook
from txws2._connection.journal import id_of
from txws2._connection.protocol import WebSocketProtocol
from txws2._deferreds.callables import check_function, result_of
from txws2._deferreds.calls import Call, current_call
from txws2._deferreds.missing_loop import log_failure
from txws2.exceptions import InvalidHandshake, InvalidStatus
from txws2.wire.handshake.server import (
    check_acceptance,
    offered_subprotocols,
    refusal,
    select_subprotocol,
)
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import RequestReader

__all__ = [
    "REQUEST_ARGUMENTS",
    "Deciding",
    "Hooks",
    "ProcessRequest",
    "ProcessResponse",
    "SelectSubprotocol",
    "ask_hooks",
    "gather_hooks",
    "hooks_of",
]

ProcessRequest = Callable[[Any, Request], object]
"""Called with a connection and its request; returns a Response or None, or what will be one."""

SelectSubprotocol = Callable[[Any, list[str]], object]
"""Called with a connection and the names offered; returns one or None, or what will be one."""

ProcessResponse = Callable[[Any, Request, Response], object]
"""Called with a connection, its request and the answer; returns a Response or None, likewise."""


REQUEST_ARGUMENTS = ("connection", "request")
"""What a `ProcessRequest` is called with."""


class Hooks(NamedTuple):
    """What an application wants to decide."""

    process_request: tuple[ProcessRequest, ...]
    select_subprotocol: SelectSubprotocol | None
    process_response: ProcessResponse | None


def gather_hooks(
    handler: object,
    process_request: ProcessRequest | Sequence[ProcessRequest] | None,
    select_subprotocol: SelectSubprotocol | None,
    process_response: ProcessResponse | None,
) -> Hooks | None:
    """Return the hooks of these options, and of a handler that has some; None for none.

    Raises:
        TypeError: one can't be called with these arguments, or is a generator function.
    """
    if process_request is None:
        process_request = ()
    elif callable(process_request) or not isinstance(process_request, Iterable):
        process_request = (process_request,)
    elif isinstance(process_request, str):
        check_function("process_request", process_request)
    process_request = tuple(process_request)
    for hook in process_request:
        check_hook("process_request", hook, REQUEST_ARGUMENTS)
    if select_subprotocol is not None:
        check_hook("select_subprotocol", select_subprotocol, ["connection", "subprotocols"])
    if process_response is not None:
        check_hook("process_response", process_response, ["connection", "request", "response"])
    hooks = Hooks((*process_request, *hooks_of(handler)), select_subprotocol, process_response)
    return hooks if any(hooks) else None


def hooks_of(handler: object) -> tuple[ProcessRequest, ...]:
    """Return the method process_request of a handler, if it has one."""
    own: ProcessRequest | None = getattr(handler, "process_request", None)
    return () if own is None else (own,)


class Deciding(WebSocketProtocol):
    """Asks the hooks of an application, each of which may take its time.

    A subclass reads the request, and has all that is decided here done.
    """

    # A WebSocketServerFactory, whose module imports this one.
    factory: Any

    # While the application decides on the request.
    _deciding: Deferred[Any] | None = None
    # What was answered, where that can't be made again.
    _response: Response | None = None
    # What the extensions are, as the response has it.
    _extensions: str | None = None

    # What a subclass provides.

    def _judge(self, request: Request) -> None:
        """Make sure that a request may open the connection, whatever is negotiated then."""
        raise NotImplementedError

    def _agree(self, request: Request, subprotocol: str | None) -> None:
        """Settle what the response that accepts has in it."""
        raise NotImplementedError

    def _acceptance(self, request: Request) -> Response:
        """Return the response that opens the connection."""
        raise NotImplementedError

    def _turn_down(self, response: Response, reason: InvalidHandshake) -> None:
        """Answer with a response that doesn't open the connection."""
        raise NotImplementedError

    def _go_ahead(self, head: bytes, reader: RequestReader) -> None:
        """Open the connection with this head."""
        raise NotImplementedError

    def respond(self, status: int, text: str) -> Response:
        """Make a response that a hook can return.

        Args:
            status: its status code, as 403.
            text: what a person is told.
        """
        return Response.plain(HTTPStatus(status), text)

    async def _ask(self, hook: Callable[..., object], *arguments: Any) -> object:
        answer = await result_of(hook(self, *arguments))
        if self._never_opened is not None:
            # Meanwhile the request was refused, or the client has left.
            raise CancelledError
        return answer

    def _decide(self, hooks: Hooks, request: Request, reader: RequestReader) -> None:
        """Do what the application wants, as soon as it knows."""
        call = Call(self)
        finding = self._find_answer(hooks, request)
        self._deciding = deciding = call.start(Deferred.fromCoroutine, finding)
        deciding.addBoth(call.over)
        deciding.addCallback(self._decided, hooks, request, reader).addErrback(self._not_decided)
        if self._never_opened is not None:
            # A hook has had the connection closed, and waits for that or for something else.
            self._stop_deciding()

    def _stop_deciding(self) -> None:
        deciding = self._deciding
        if deciding is None:
            return
        if current_call() is None:
            deciding.cancel()
        else:
            # What is running can't be cancelled, and that may be the hook itself.
            self.factory.clock.callLater(0, deciding.cancel)

    async def _find_answer(
        self, hooks: Hooks, request: Request
    ) -> tuple[Response, InvalidHandshake | None]:
        """Return the answer, and why the request is refused if it is."""
        try:
            response, reason = await self._propose(hooks, request)
        except Exception as exc:
            if self._never_opened is not None:
                raise
            response, reason = self._internal_error(Failure(exc))
        if hooks.process_response is not None:
            other = await ask_hooks(self, [hooks.process_response], request, response)
            response = other or response
        if reason is None and response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            return response, InvalidStatus(response, ours=True)
        if isinstance(reason, InvalidStatus):
            reason.response = response
        return response, reason

    async def _propose(
        self, hooks: Hooks, request: Request
    ) -> tuple[Response, InvalidHandshake | None]:
        response = await ask_hooks(self, hooks.process_request, request)
        if response is not None:
            return response, InvalidStatus(response, ours=True)
        try:
            self._judge(request)
            self._agree(request, await self._choose(hooks, request))
        except InvalidHandshake as exc:
            return refusal(exc), exc
        return self._acceptance(request), None

    async def _choose(self, hooks: Hooks, request: Request) -> str | None:
        if hooks.select_subprotocol is None:
            return select_subprotocol(request, self.factory.subprotocols)
        offered = offered_subprotocols(request)
        chosen = await self._ask(hooks.select_subprotocol, offered)
        if chosen is None:
            return None
        # RFC 6455 section 4.2.2, item 5: it MUST be one of those; a client fails otherwise.
        if isinstance(chosen, str) and chosen in offered:
            return chosen
        raise ValueError(f"select_subprotocol returned {chosen!r}, which isn't among {offered}")

    def _decided(
        self,
        answer: tuple[Response, InvalidHandshake | None],
        hooks: Hooks,
        request: Request,
        reader: RequestReader,
    ) -> None:
        self._deciding = None
        response, reason = answer
        if reason is None:
            check_acceptance(request, self.subprotocol, self._extensions, response)
            head = response.serialize()
            if hooks.process_response is not None:
                # Otherwise, it can be made again when somebody asks for it.
                self._response = response
            self._go_ahead(head, reader)
        elif response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            raise ValueError("a hook can't open a connection with a response of its own")
        else:
            self._turn_down(response, reason)

    def _not_decided(self, failure: Failure) -> None:
        self._deciding = None
        if self._never_opened is None:
            self._turn_down(*self._internal_error(failure))
        elif not failure.check(CancelledError):
            self._log_failure(failure)

    def _internal_error(self, failure: Failure) -> tuple[Response, InvalidStatus]:
        self._log_failure(failure)
        # Not a word of what happened, as when a handler fails.
        text = "The WebSocket handshake failed: internal error.\n"
        response = Response.plain(HTTPStatus.INTERNAL_SERVER_ERROR, text)
        reason = InvalidStatus(response, ours=True)
        reason.__cause__ = failure.value
        return response, reason

    def _log_failure(self, failure: Failure) -> None:
        log_failure(self.factory.log, "opening handshake failed", failure, connection=id_of(self))


async def ask_hooks(
    connection: Deciding, hooks: Sequence[Callable[..., object]], *arguments: Any
) -> Response | None:
    """Call hooks in turn until one has a response.

    Args:
        connection: what they are called with first.
        hooks: those to call.
        *arguments: what they are called with then.

    Raises:
        TypeError: one has returned neither a Response nor None.
        CancelledError: nobody waits for the answer any more.
    """
    for hook in hooks:
        response = await connection._ask(hook, *arguments)
        if isinstance(response, Response):
            return response
        if response is not None:
            raise TypeError(f"{hook!r} returned {response!r}, not a Response or None")
    return None
