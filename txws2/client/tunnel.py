"""The connection to a proxy: asked for a tunnel, it becomes that of whoever wanted the tunnel."""

from __future__ import annotations

from contextlib import suppress

from twisted.internet.defer import Deferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from txws2._time.deadlines import call_off
from txws2._transport.capabilities import abort
from txws2.client.tls import tls_failure
from txws2.exceptions import ProxyError
from txws2.wire.http.bodies import BODY_PATIENCE
from txws2.wire.proxy.connect import HTTPTunnel
from txws2.wire.proxy.socks import SOCKSTunnel
from txws2.wire.proxy.urls import Proxy

__all__ = ["Tunnel", "TunnelFactory"]


class Tunnel(Protocol):
    """Negotiates with the proxy, and passes on all that comes after that.

    Attributes:
        is_lost: whether the connection to the proxy is no more.
        is_cancelled: whether nobody wants the tunnel any more.
    """

    factory: TunnelFactory

    is_lost = False
    is_cancelled = False
    _inner: IProtocol | None = None
    _negotiation: HTTPTunnel | SOCKSTunnel
    # Fires with the protocol at this end of the tunnel; None while nothing is asked.
    _asked: Deferred[IProtocol] | None = None
    _opening = b""
    # For the end of a refusal.
    _waiting: IDelayedCall | None = None
    _reason: Failure = connectionDone

    def ask(self, negotiation: HTTPTunnel | SOCKSTunnel, opening: bytes) -> Deferred[IProtocol]:
        """Ask the proxy for a tunnel.

        Args:
            negotiation: understands its answers. After a refusal that it can be asked again after,
                the connection stays.
            opening: what to send first.

        Returns:
            A Deferred of the protocol at this end of the tunnel.
        """
        self._negotiation = negotiation
        asked: Deferred[IProtocol] = Deferred(self._cancel)
        self._asked = asked
        self._opening = opening
        if self.is_lost:
            self._tell_end()
        elif self.connected:
            self.connectionMade()
        return asked

    def connectionMade(self) -> None:
        """Send what is to be sent first, if that is known by now."""
        if self._opening:
            assert self.transport is not None
            self.transport.write(self._opening)

    def dataReceived(self, data: bytes) -> None:
        """Take what the proxy says, or what comes through it."""
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif self._asked is not None:
            self._negotiate(data)
        elif not self.is_lost:
            self._hear_unasked(data)

    def _negotiate(self, data: bytes) -> None:
        negotiation = self._negotiation
        try:
            reply = negotiation.receive(data)
        except BaseException:
            asked = self._take_asked()
            if not negotiation.can_ask_again:
                self.hang_up()
            asked.errback()
            return
        if reply:
            assert self.transport is not None
            self.transport.write(reply)
        if negotiation.complete:
            self._hand_over(negotiation.rest)
        elif self._waiting is None and negotiation.given_up() is not None:
            # It refuses, and the end of what it says may never come.
            clock = self.factory.clock
            self._waiting = clock.callLater(BODY_PATIENCE, self._give_up, self._asked)

    def _hear_unasked(self, data: bytes) -> None:
        """Take the end of a refusal; more than that would be taken for the next answer."""
        with suppress(ProxyError):
            self._negotiation.receive(data)
        if not self._negotiation.can_ask_again:
            self.hang_up()

    def _hand_over(self, early: bytes) -> None:
        assert self.transport is not None
        asked = self._take_asked()
        try:
            inner = self.factory.wrapped.buildProtocol(self.transport.getPeer())
            if inner is None:
                raise NoProtocol
            self._inner = inner
            inner.makeConnection(self.transport)
            if early:
                inner.dataReceived(early)
        except BaseException:
            self.hang_up()
            asked.errback()
        else:
            asked.callback(inner)

    def _take_asked(self) -> Deferred[IProtocol]:
        self._stop_waiting()
        asked, self._asked = self._asked, None
        assert asked is not None
        return asked

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        call_off(waiting)

    def _cancel(self, asked: Deferred[IProtocol]) -> None:
        self.is_cancelled = True
        self._give_up(asked)

    def _give_up(self, asked: Deferred[IProtocol]) -> None:
        """Wait no longer for the end of what the proxy says."""
        self._stop_waiting()
        self._asked = None
        self.hang_up()
        # The head of a refusal says more than that its end didn't come.
        refusal = self._negotiation.given_up()
        if refusal is not None:
            asked.errback(refusal)

    def hang_up(self) -> None:
        """End the connection to the proxy."""
        assert self.transport is not None
        if not self.is_lost:
            self.is_lost = True
            abort(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits for it, or uses it."""
        self.is_lost = True
        self._reason = reason
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif self._asked is not None:
            self._tell_end()

    def _tell_end(self) -> None:
        cause = self._reason.value
        assert cause is not None
        try:
            error = self._error(cause)
        except BaseException as exc:
            error = ProxyError(f"lost the proxy {self.factory.proxy}: {cause}")
            error.__cause__ = exc
        self._take_asked().errback(error)

    def _error(self, cause: BaseException) -> ProxyError:
        assert self.transport is not None
        proxy = self.factory.proxy
        insecure = tls_failure(cause, self.transport, proxy.host)
        if insecure is None:
            error = self._negotiation.ended()
        else:
            error = ProxyError(f"can't reach the proxy {proxy}: {insecure}")
        error.__cause__ = insecure or cause
        return error


class TunnelFactory(Factory):
    """Makes the connection to a proxy.

    Args:
        wrapped: the factory of what is to be connected.
        proxy: the proxy.
        clock: the clock, for what isn't waited for long.
    """

    protocol = Tunnel  # type: ignore[assignment]
    noisy = False

    def __init__(
        self,
        wrapped: IProtocolFactory,
        proxy: Proxy,
        clock: IReactorTime,
    ) -> None:
        self.wrapped = wrapped
        self.proxy = proxy
        self.clock = clock

    def doStart(self) -> None:
        """Start the factory within, too."""
        self.wrapped.doStart()
        super().doStart()  # type: ignore[no-untyped-call]

    def doStop(self) -> None:
        """Stop it, too."""
        self.wrapped.doStop()
        super().doStop()  # type: ignore[no-untyped-call]
