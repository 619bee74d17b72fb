"""The opening handshake of a connection: the steps that both sides share."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txws2._connection.frame_log import hooked
from txws2._connection.hook_calls import close_after_failure, tell
from txws2._connection.journal import log_opened
from txws2._connection.phases import CONNECTING, DISCARDING, OPEN, REFUSING
from txws2._deferreds.waiters import NOBODY, Waiters, waitable
from txws2._transport.capabilities import abort, read_without_wrapper, set_no_delay
from txws2._transport.socket_writer import outbox_for
from txws2.wire.connection import Connection, Trace
from txws2.wire.http.heads import Request, Response
from txws2.wire.permessage_deflate import Deflate

__all__ = ["Agreement", "Handshake"]


class Agreement:
    """The result of a connection's opening handshake.

    Attributes:
        request: the client's request; only its raw head until somebody asks for it.
        response: the server's response; None until it is known or asked for.
        subprotocol: the subprotocol agreed on; None if there is none.
        extensions: the extensions agreed on, as the response has them; None for none.
        more_lines: further header lines of the response, each with its CRLF.
        client: the `Client` whose request a trusted proxy has sent; None otherwise.
        upgrade: the `Upgrade` for a request that another HTTP server has read; None otherwise.
    """

    __slots__ = (
        "client",
        "extensions",
        "more_lines",
        "request",
        "response",
        "subprotocol",
        "upgrade",
    )

    def __init__(self, request: Request | bytes | None) -> None:
        self.request = request
        self.response: Response | None = None
        self.subprotocol: str | None = None
        self.extensions: str | None = None
        self.more_lines = b""
        self.client: Any = None
        self.upgrade: Any = None


class Handshake:
    """The opening handshake of one connection; it is dropped once the connection is open.

    Each side has a subclass.

    Args:
        driver: the driver of the connection.

    Attributes:
        transport: the transport, which may be another HTTP server's until the handshake is done;
            None before there is one.
        deflate: the compression of messages, once that is agreed on.
        made: True once the application was told of its connection.
        opened: those who wait until it is open.

    The other attributes are those of `Agreement`, as far as the handshake has come.
    """

    # A handshake lives for a moment, and most of these stay as they are.
    transport: Any = None
    request: Request | bytes | None = None
    response: Response | None = None
    subprotocol: str | None = None
    extensions: str | None = None
    more_lines = b""
    client: Any = None
    upgrade: Any = None
    deflate: Deflate | None = None
    made = False
    opened: Waiters[Any] = NOBODY

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def result(self) -> Agreement | bytes:
        """Return the result, which is kept; it may be only the head of the request."""
        kept = Agreement(self.request)
        kept.response = self.response
        kept.subprotocol = self.subprotocol
        kept.extensions = self.extensions
        kept.more_lines = self.more_lines
        kept.client, kept.upgrade = self.client, self.upgrade
        return kept

    def wait_opened(self) -> Deferred[Any]:
        """Return a Deferred of the application's object that fires when the connection is open."""
        self.opened = waitable(self.opened)
        return self.opened.wait()

    def connect(self) -> None:
        """Begin to use the transport, which is ours now."""
        driver, transport = self.driver, self.transport
        factory = driver.factory
        sharing = factory.epoll_sharing
        if sharing is None or not sharing.offer(
            transport, len(factory.connections), factory.drivers
        ):
            set_no_delay(transport)
        if driver.client:
            read_without_wrapper(transport)
        driver.outbox = outbox_for(transport, factory.write_limit)
        self.tell_made()

    def tell_made(self) -> None:
        """Tell the application that there is a connection, which isn't open yet."""
        self.made = True
        try:
            self.driver.application.connectionMade()
        except BaseException:
            # The connection is closed as soon as a close frame can be sent.
            self.driver.application_failed(Failure())

    def open(self, early: bytes, head: bytes = b"") -> None:
        """Open the connection: the handshake is done.

        Args:
            early: bytes that have come after the handshake already.
            head: bytes to write, which end the handshake.
        """
        driver, outbox = self.driver, self.driver.outbox
        application, deadlines = driver.application, driver.factory.opening_deadlines
        if deadlines is not None:
            deadlines.discard(driver)
            if driver.client:
                # Nearly every client has a factory of its own.
                deadlines.rest()
        # Messages that the application sends at once leave together with the head. Both leave when
        # all that is ready was served, so that a peer with many new connections wakes up once.
        outbox.cork()
        if head:
            outbox.write(head)
        self._begin_frames(driver)
        if driver.delivery is DISCARDING:
            close_after_failure(driver)
        tell(driver, "connectionOpened")
        driver.run_handler()
        if self.opened is not NOBODY:
            # All may be over by now, if a hook has aborted it.
            self.opened.fire(application)
        outbox.unhurried = True
        outbox.uncork()
        # Compressing takes longer than a peer on the same machine takes to fall asleep again, and
        # waking it up for each message costs more than that.
        outbox.unhurried = self.deflate is not None
        if early:
            driver.data_received(early)

    def _begin_frames(self, driver: Any) -> None:
        """Exchange frames from now on, and keep only the result of the handshake."""
        factory = driver.factory
        trace: Trace | None = None if driver.tracer is None else driver.tracer.frame
        if factory.trace is not None:
            trace = hooked(factory.trace, driver, factory.log, trace)
        driver.connection = Connection(
            client=driver.client,
            max_size=factory.max_size,
            deflate=self.deflate,
            compression=factory.compression,
            max_fragments=factory.max_fragments,
            trace=trace,
            budget=factory.compression_budget,
        )
        driver.kept, driver.handshake = self.result(), None
        driver.change_phase(OPEN)
        factory.books.opened += 1
        if factory.log_connections:
            log_opened(factory.log, driver)
        if factory.keepalive is not None:
            factory.keepalive.add(driver)

    def fail(self, reason: Exception) -> None:
        """Give up the opening handshake; the transport is being closed."""
        self.refuse(reason)
        self.driver.need_ending().limit(self.driver)

    def refuse(self, reason: Exception) -> None:
        """Note that the handshake has failed; only the first reason counts."""
        driver = self.driver
        deadlines = driver.factory.opening_deadlines
        if deadlines is not None:
            deadlines.discard(driver)
        if driver.phase is CONNECTING:
            driver.change_phase(REFUSING)
            driver.need_ending().refusal = reason

    def give_in(self, reason: Exception) -> None:
        """Give up and abort the transport, as the application wants no connection."""
        self.fail(reason)
        abort(self.transport)

    # A subclass provides these.

    def begin(self) -> None:
        """Start, as the transport is connected."""

    def receive(self, data: bytes) -> None:
        """Take bytes that have come."""
        raise NotImplementedError

    def miss(self) -> None:
        """Give up, as the time is over."""
        raise NotImplementedError

    def lost(self, cause: BaseException) -> Exception:
        """Return the reason for the failed handshake, as the transport is gone."""
        raise NotImplementedError

    def end(self) -> None:
        """Stop all that the handshake has started, as there will be no connection."""
