"""The hooks by which an application decides on a request, before the connection is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txws2._checks.signatures import check_hook
from txws2._connection.handle import driver_of
from txws2._connection.phases import CONNECTING
from txws2._connection.protocol import WebSocketProtocol
from txws2._deferreds.callables import check_function, result_of
from txws2._deferreds.calls import Call, current_call
from txws2._deferreds.missing_loop import log_failure
from txws2.exceptions import InvalidHandshake, InvalidStatus
from txws2.server.plain_requests import answer_to
from txws2.wire.handshake.server import (
    check_acceptance,
    offered_subprotocols,
    select_subprotocol,
)
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import RequestReader

__all__ = [
    "REQUEST_ARGUMENTS",
    "Decision",
    "Hooks",
    "ProcessRequest",
    "ProcessResponse",
    "SelectSubprotocol",
    "ask_hooks",
    "gather_hooks",
    "hooks_of",
    "put_before",
    "selection_of",
]

ProcessRequest = Callable[[Any, Request], object]
"""A function of a connection and its request.

It returns a Response or None, or an awaitable of one of these.
"""

SelectSubprotocol = Callable[[Any, list[str]], object]
"""A function of a connection and the offered subprotocols.

It returns the name of one or None, or an awaitable of that.
"""

ProcessResponse = Callable[[Any, Request, Response], object]
"""A function of a connection, its request and the response to it.

It returns the same as a `ProcessRequest`.
"""


# A response, and the reason if it refuses the request.
_Answer = tuple[Response, InvalidHandshake | None]

REQUEST_ARGUMENTS = ("connection", "request")
"""The arguments of a `ProcessRequest`."""


class Hooks(NamedTuple):
    """The hooks by which an application decides."""

    process_request: tuple[ProcessRequest, ...]
    select_subprotocol: SelectSubprotocol | None
    process_response: ProcessResponse | None


def gather_hooks(
    handler: object,
    process_request: ProcessRequest | Sequence[ProcessRequest] | None,
    select_subprotocol: SelectSubprotocol | None,
    process_response: ProcessResponse | None,
    subprotocols: Sequence[str] = (),
) -> Hooks | None:
    """Return the hooks among these options, and the handler's own; None if there are no hooks.

    The handler's own select_subprotocol is a hook only if the options name no subprotocols.

    Raises:
        TypeError: a hook can't be called with its arguments, or is a generator function.
    """
    if process_request is None:
        process_request = ()
    elif callable(process_request) or not isinstance(process_request, Iterable):
        process_request = (process_request,)
    elif isinstance(process_request, str):
        check_function("process_request", process_request)
    process_request = tuple(process_request)
    if select_subprotocol is None and not subprotocols:
        select_subprotocol = selection_of(handler)
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


def put_before(hooks: Hooks | None, first: Sequence[ProcessRequest]) -> Hooks | None:
    """Return hooks that ask some others first; None if there are none at all."""
    if not first:
        return hooks
    found = hooks or Hooks((), None, None)
    return found._replace(process_request=(*first, *found.process_request))


def selection_of(handler: object) -> SelectSubprotocol | None:
    """Return the method select_subprotocol of a handler, if it has one."""
    own: SelectSubprotocol | None = getattr(handler, "select_subprotocol", None)
    return own


class Decision:
    """The application's decision on one request: it asks the hooks, each of which may wait.

    Args:
        handshake: the opening handshake, which carries the decision out.
        hooks: the hooks.
        request: the request.
    """

    __slots__ = ("_asking", "_handshake", "_hooks", "_request")

    def __init__(self, handshake: Any, hooks: Hooks, request: Request) -> None:
        self._handshake = handshake
        self._hooks = hooks
        self._request = request
        # Set while the application decides.
        self._asking: Deferred[Any] | None = None

    @property
    def _refused(self) -> bool:
        """True if the request was refused meanwhile, or the client has left."""
        return self._handshake.driver.phase is not CONNECTING

    def begin(self, reader: RequestReader) -> None:
        """Ask the hooks, and carry out the decision as soon as it is made."""
        call = Call(self._handshake.driver.application)
        self._asking = asking = call.start(Deferred.fromCoroutine, self._find_answer())
        asking.addBoth(call.over)
        asking.addCallback(self._decided, reader).addErrback(self._not_decided)
        if self._refused:
            # A hook has closed the connection, and still waits for something, perhaps for the end.
            self.stop()

    def stop(self) -> None:
        """Stop asking."""
        asking = self._asking
        if asking is None:
            return
        if current_call() is None:
            asking.cancel()
        else:
            # A coroutine that is running can't be cancelled, and it may be the caller.
            self._handshake.driver.factory.clock.callLater(0, asking.cancel)

    async def ask(self, hook: Callable[..., object], *arguments: Any) -> object:
        """Ask one hook.

        Raises:
            CancelledError: nobody waits for the answer any more.
        """
        answer = await result_of(hook(self._handshake.driver.application, *arguments))
        if self._refused:
            raise CancelledError
        return answer

    async def ask_all(
        self, hooks: Sequence[Callable[..., object]], *arguments: Any
    ) -> Response | None:
        """Ask hooks in turn until one has a response; see `ask_hooks`."""
        return await _first_response(self.ask, hooks, *arguments)

    async def _find_answer(self) -> _Answer | None:
        """Return the answer; None for the server's own, which accepts."""
        hooks, request = self._hooks, self._request
        try:
            proposed = await self._propose()
        except Exception as exc:
            if self._refused:
                raise
            proposed = self._internal_error(Failure(exc))
        if proposed is None and hooks.process_response is None:
            # Nobody looks at the response, and making it takes a fifth of the time of all this.
            return None
        response, reason = proposed or (self._handshake.acceptance(request), None)
        if hooks.process_response is not None:
            other = await self.ask_all([hooks.process_response], request, response)
            response = other or response
        if reason is None and response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            return response, InvalidStatus(response, ours=True)
        if isinstance(reason, InvalidStatus):
            reason.response = response
        return response, reason

    async def _propose(self) -> _Answer | None:
        request, handshake = self._request, self._handshake
        response = await self.ask_all(self._hooks.process_request, request)
        if response is not None:
            return response, InvalidStatus(response, ours=True)
        try:
            handshake.driver.factory._judge(request)
            handshake.agree(request, await self._choose())
        except InvalidHandshake as exc:
            return answer_to(handshake.driver, self._request, exc)
        return None

    async def _choose(self) -> str | None:
        select = self._hooks.select_subprotocol
        if select is None:
            return select_subprotocol(self._request, self._handshake.driver.factory.subprotocols)
        offered = offered_subprotocols(self._request)
        chosen = await self.ask(select, offered)
        if chosen is None:
            return None
        # RFC 6455 section 4.2.2, item 5: the subprotocol MUST be one that the client has offered.
        # If it isn't, the client fails the connection.
        if isinstance(chosen, str) and chosen in offered:
            return chosen
        raise ValueError(f"select_subprotocol returned {chosen!r}, which isn't among {offered}")

    def _decided(self, answer: _Answer | None, reader: RequestReader) -> None:
        self._asking = None
        handshake = self._handshake
        if answer is None:
            handshake.accept_by_itself(self._request, reader)
        else:
            self._carry_out(*answer, reader)
        # The handshake and its decision refer to each other. This breaks the cycle, which would
        # keep the connection in memory.
        handshake.decision = None

    def _carry_out(
        self, response: Response, reason: InvalidHandshake | None, reader: RequestReader
    ) -> None:
        """Send this response."""
        handshake = self._handshake
        if reason is None:
            check_acceptance(self._request, handshake.subprotocol, handshake.extensions, response)
            head = response.serialize()
            handshake.response = response
            handshake.go_ahead(head, reader)
        elif response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            raise ValueError("a hook can't open a connection with a response of its own")
        else:
            handshake.turn_down(response, reason)

    def _not_decided(self, failure: Failure) -> None:
        self._asking = None
        if not self._refused:
            self._handshake.turn_down(*self._internal_error(failure))
        elif not failure.check(CancelledError):
            self._log_failure(failure)
        self._handshake.decision = None

    def _internal_error(self, failure: Failure) -> tuple[Response, InvalidStatus]:
        self._log_failure(failure)
        # The text has no details, as when a handler fails.
        text = "The WebSocket handshake failed: internal error.\n"
        response = Response.plain(HTTPStatus.INTERNAL_SERVER_ERROR, text)
        reason = InvalidStatus(response, ours=True)
        reason.__cause__ = failure.value
        return response, reason

    def _log_failure(self, failure: Failure) -> None:
        driver = self._handshake.driver
        log_failure(driver.factory.log, "opening handshake failed", failure, connection=driver.id)


async def ask_hooks(
    connection: Any, hooks: Sequence[Callable[..., object]], *arguments: Any
) -> Response | None:
    """Call hooks in turn until one has a response.

    Args:
        connection: their first argument; or a visitor, whom a `GuardedResource` asks about.
        hooks: the hooks to call.
        *arguments: their further arguments.

    Raises:
        TypeError: a hook has returned neither a Response nor None.
        CancelledError: nobody waits for the answer any more.
    """
    if isinstance(connection, WebSocketProtocol):
        decision: Decision = driver_of(connection).handshake.decision
        return await decision.ask_all(hooks, *arguments)

    async def ask(hook: Callable[..., object], *arguments: Any) -> object:
        return await result_of(hook(connection, *arguments))

    return await _first_response(ask, hooks, *arguments)


async def _first_response(
    ask: Callable[..., Awaitable[object]], hooks: Sequence[Callable[..., object]], *arguments: Any
) -> Response | None:
    for hook in hooks:
        response = await ask(hook, *arguments)
        if isinstance(response, Response):
            return response
        if response is not None:
            raise TypeError(f"{hook!r} returned {response!r}, not a Response or None")
    return None
