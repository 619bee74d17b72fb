"""A connection's life on its transport, from the first byte to the last."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import current_thread
from typing import Any, ClassVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection as TCPTransport
from twisted.python.failure import Failure

from txws2._connection.counters import ConnectionCounters, Standing
from txws2._connection.exchange import Exchange
from txws2._connection.factory import ConnectionFactory
from txws2._connection.frame_log import Tracer, hooked
from txws2._connection.hook_queue import Succession
from txws2._connection.inbox import Inbox
from txws2._connection.journal import id_of, log_closed, log_opened, only_ended
from txws2._connection.pings import PendingPings
from txws2._connection.read_pause import MESSAGE_OVERHEAD, Reading
from txws2._deferreds.callables import has_fired, to_await
from txws2._deferreds.lean import Done
from txws2._deferreds.missing_loop import log_failure
from txws2._deferreds.waiters import NOBODY, Waiters, waitable
from txws2._time.deadlines import Deadlines
from txws2._transport.capabilities import (
    Address,
    abort,
    address_of,
    close_softly,
    keep_little_unsent,
    let_go,
    read_more_at_once,
    set_no_delay,
)
from txws2._transport.outbox import Outbox
from txws2._transport.progress import Progress, progress_of
from txws2._transport.socket_writer import WriteThrough, outbox_for
from txws2._transport.tls_writer import let_through
from txws2.exceptions import ConcurrencyError, ConnectionClosed, PayloadTooBig, ProtocolError
from txws2.interfaces import HookResult
from txws2.wire.closing import CloseCode
from txws2.wire.connection import Connection, State, Trace
from txws2.wire.events import Closing, Event, Failed, Ping, Pong, Remainder
from txws2.wire.http.heads import Request
from txws2.wire.permessage_deflate import Deflate

__all__ = ["Driver", "state_of"]

_MESSAGE = (str, bytes)


class Driver(Exchange, Protocol):
    """Moves bytes between a transport and a `wire.Connection`, and events to the application.

    A subclass does the opening handshake, in `_begin_opening` and `_receive_head`, and then
    calls `_open`. Where the transport is somebody else's until the handshake is done, it calls
    `_expect` in place of `makeConnection`, and `_connect` when it is handed over.
    """

    factory: ConnectionFactory[Any]

    _client: ClassVar[bool]

    _transport: ITransport
    _outbox: Outbox
    # These are made when they are first needed: of most connections there are many, and idle.
    _reading: Reading | None = None
    _inbox: Inbox | None = None
    _pings: PendingPings | None = None
    _closed_waiters: Waiters[Any] = NOBODY
    _gone_waiters: Waiters[Any] = NOBODY
    _opened_waiters: Waiters[Any] = NOBODY
    # Those who are told of the end when all others have been.
    _told_waiters: Waiters[Any] = NOBODY
    # Those who sent while the connection was closing.
    _late: Waiters[Any] = NOBODY
    _tracer: Tracer | None = None
    # Why there will never be a connection.
    _never_opened: Exception | None = None
    # How messages are compressed, once that is agreed on.
    _deflate: Deflate | None = None
    # Whether the end was told to everybody who waits for it.
    _settled = False
    # Whether the application is to be given no more messages.
    _deaf = False
    # Whether it is we who close the transport.
    _ended = False
    # Whether the inbox knows of a message that isn't complete.
    _arriving = False
    # While a hook isn't done; there are the others that wait for it.
    _succession: Succession | None = None
    # What has been read and waits, as the application wants nothing now.
    _undelivered: list[Event] | None = None
    # Whether that is to be delivered at the end of the read that is being worked off.
    _resumed = False
    # What knows when the opening must be done; later, when the closing must be.
    _deadlines: Deadlines[Any] | None = None
    # How far what was sent had come when the closing began, or was last given its time.
    _closing_progress: Progress | None = None
    # Whether it was given its time twice since.
    _closing_again = False
    # The deadlines by which TCP must have ended, once both close frames are sent.
    _parting: Deadlines[Any] | None = None

    # How long it was there, once it isn't any more.
    _lasted: float | None = None

    _keepalive_payload: bytes | None = None
    _id: str | None = None

    @property
    def id(self) -> str:
        """A name for this connection, unlike any other's; log events have it."""
        return id_of(self)

    # What a subclass provides.

    def _begin_opening(self) -> None:
        """Start the opening handshake: the transport is connected."""

    def _receive_head(self, data: bytes) -> None:
        raise NotImplementedError

    def _opening_missed(self) -> None:
        """Give the opening handshake up, for `Deadlines`."""
        raise NotImplementedError

    def _lost_while_opening(self, cause: BaseException) -> Exception:
        raise NotImplementedError

    def _peer_address(self) -> Address:
        """Return the address of the other end, as far as it is known."""
        return address_of(self._transport.getPeer())

    def _known_request(self) -> Request | None:
        """Return the client's request, once it is known."""
        raise NotImplementedError

    def _run_handler(self) -> None:
        """Start what handles the connection in pull style, if there is such a thing."""

    @property
    def _pushes(self) -> bool:
        raise NotImplementedError

    def _has_hook(self, hook: Callable[..., object]) -> bool:
        raise NotImplementedError

    # `WebSocketProtocol` has these, and says what they are.

    connectionOpened: Callable[[], HookResult]
    pingReceived: Callable[[bytes], HookResult]
    pongReceived: Callable[[bytes], HookResult]

    # Opening.

    def makeConnection(self, transport: ITransport) -> None:
        """Take a transport; the opening handshake begins."""
        self._expect(transport)
        self._connect()
        self._begin_opening()

    def _expect(self, transport: ITransport) -> None:
        """Be a connection from now on, within its deadline, without touching the transport."""
        self._transport = transport
        self._keep_thread()
        # The transport is to reach us although the application overrides connectionLost, and
        # the application is to get another reason than the transport has.
        self.connectionLost = self._transport_lost  # type: ignore[method-assign]
        factory = self.factory
        factory.enter(self)
        if factory.debug:
            self._tracer = Tracer(factory.log, id_of(self))
            self._tracer.state(State.CONNECTING)
        self._set_deadline(factory.opening_deadlines)

    def _connect(self) -> None:
        """Use the transport: it is ours."""
        transport, factory = self._transport, self.factory
        if factory.epoll_sharing is not None:
            factory.epoll_sharing.offer(transport, factory.connections)
        set_no_delay(transport)
        let_through(transport)
        self._outbox = outbox_for(transport, factory.write_limit)
        try:
            super().makeConnection(transport)  # type: ignore[no-untyped-call]
        except BaseException:
            # The application's connectionMade. The connection is closed as soon as it can be told.
            self._application_failed(Failure())

    def _was_adopted(self) -> None:
        """Take it that a shared epoll has the transport now, for `EpollSharing`."""
        if isinstance(self._outbox, WriteThrough):
            self._outbox.find_readers()

    def _open(self, early: bytes, head: bytes = b"") -> None:
        """Start to speak frames; the handshake is done.

        Args:
            early: what has come after the handshake already.
            head: what is to be written to end the handshake.
        """
        self._set_deadline(None)
        factory, outbox = self.factory, self._outbox
        # What the application says at once leaves together with the head; and both when all that
        # is ready was served, so that many that connect are woken up once.
        outbox.cork()
        if head:
            outbox.write(head)
        connection = Connection(
            client=self._client,
            max_size=factory.max_size,
            deflate=self._deflate,
            compression=factory.compression,
            max_fragments=factory.max_fragments,
            trace=self._trace(),
        )
        if self._tracer is not None:
            self._tracer.state(State.OPEN)
        self._connection = connection
        factory.books.opened += 1
        if factory.log_connections:
            log_opened(factory.log, self)
        if factory.keepalive is not None:
            factory.keepalive.add(self)
        if self._deaf:
            self._close_after_failure()
        self._tell(self.connectionOpened)
        self._run_handler()
        self._opened_waiters.fire(self)
        outbox.unhurried = True
        outbox.uncork()
        # Compressing takes longer than a peer on the same machine takes to fall asleep again, and
        # to wake it up for each message costs more than that.
        outbox.unhurried = self._deflate is not None
        if early:
            self.dataReceived(early)

    def _trace(self) -> Trace | None:
        traced = None if self._tracer is None else self._tracer.frame
        factory = self.factory
        return traced if factory.trace is None else hooked(factory.trace, self, factory.log, traced)

    def _fail_opening(self, reason: Exception) -> None:
        """Give the opening handshake up; the transport is being closed."""
        if self._never_opened is None:
            self._never_opened = reason
        self._expect_the_end()

    def _need_reading(self) -> Reading:
        if self._reading is None:
            self._reading = Reading(cast(IPushProducer, self._transport), self.factory.clock)
        return self._reading

    def _need_inbox(self) -> Inbox:
        if self._inbox is None:
            connection = self._connection
            assert connection is not None
            self._inbox = Inbox(self._need_reading(), self.factory.max_queue)
            # What it would have been told by now.
            if connection.state is not State.OPEN:
                self._inbox.discard_when_full()
            if self._settled:
                self._inbox.close(partial(ConnectionClosed.of, connection.closing))
        return self._inbox

    def _need_pings(self) -> PendingPings:
        if self._pings is None:
            self._pings = PendingPings()
        return self._pings

    # Inward.

    def _receive_opening(self, data: bytes) -> None:
        # Once it has failed, what the peer says doesn't matter any more.
        if self._never_opened is None:
            self._receive_head(data)

    def _receive(self, data: bytes) -> None:
        connection = self._connection
        assert connection is not None
        if self._arriving:
            self._arriving = False
            self._need_inbox().arriving = None
        self._deliver(connection, connection.receive(data))
        if self._resumed:
            self._deliver_undelivered()
        if connection.unfinished and not self._settled:
            self._message_arrives(connection)
        if self._undelivered is not None:
            self._need_reading().hold_on(self._undelivered_size() + connection.unfinished)
        if self._succession is not None:
            self._read_no_more_than(self._succession)

    def _refuse(self, exception: Exception) -> None:
        connection = self._connection
        assert connection is not None
        if not isinstance(exception, (ProtocolError, PayloadTooBig)):
            raise exception
        self._deliver(connection, [connection.refuse(exception)])

    def _undelivered_size(self) -> int:
        messages = (event for event in self._undelivered or () if isinstance(event, _MESSAGE))
        return sum(len(message) + MESSAGE_OVERHEAD for message in messages)

    def _message_arrives(self, connection: Connection) -> None:
        """Offer the part of a message that is here to whoever wants it in parts."""
        self._arriving = True
        read_more_at_once(self._transport)
        self._need_inbox().put_unfinished(connection)

    def _deliver(self, connection: Connection, events: list[Event]) -> None:
        for event in events:
            if self._undelivered is not None and not isinstance(event, (Ping, Pong)):
                self._undelivered.append(event)
            elif not isinstance(event, _MESSAGE):
                self._react(connection, event)
            elif self._shut:
                self._tell(self.messageReceived, event)
            elif not self._has_hung_up():
                # As `_tell` has it, without the call.
                try:
                    result = self.messageReceived(event)
                except BaseException as exc:
                    self._message_failed(exc)
                else:
                    if result is not None:
                        self._hook_returned(result)

    def _hold(self) -> None:
        """Deliver nothing until `_release`."""
        if self._resumed:
            self._resumed = False
        elif self._undelivered is None and not self._settled:
            self._undelivered = []
            self._shut = True
            self._need_reading().hold()

    def _release(self) -> None:
        """Deliver what has waited, and what comes."""
        if self._undelivered and self._busy:
            # The hook of a ping, say, that came later: it is to return first.
            self._resumed = True
        else:
            self._deliver_undelivered()

    def _deliver_undelivered(self) -> None:
        self._resumed = False
        events, self._undelivered = self._undelivered, None
        if events is None:
            return
        if self._succession is not None:
            self._go_on()
        self._open_up()
        if events:
            self._deliver_later(events)
        if self._undelivered is None:
            self._need_reading().release()

    def _open_up(self) -> None:
        """Let messages go the short way, unless something is against it."""
        waiting = self._succession is not None and self._pushes
        self._shut = self._deaf or waiting or self._undelivered is not None

    def _deliver_later(self, events: list[Event]) -> None:
        assert self._connection is not None
        if self._busy:
            self._deliver(self._connection, events)
            return
        self._busy = True
        self._outbox.cork()
        try:
            self._deliver(self._connection, events)
        finally:
            self._busy = False
            self._outbox.uncork()
        held, self._held_reads = self._held_reads or (), None
        for data in held:
            self.dataReceived(data)

    def _react(
        self, connection: Connection, event: Remainder | Ping | Pong | Closing | Failed
    ) -> None:
        if isinstance(event, Remainder):
            self._need_inbox().put_remainder(event)
            return
        reply = connection.answer(event)
        if isinstance(event, Ping):
            if reply:
                self._outbox.write_pong(reply)
            self._tell(self.pingReceived, event.payload)
        elif isinstance(event, Pong):
            if self._pings is not None:
                self._pings.settle(event.payload, self.factory.clock.seconds())
            self._tell(self.pongReceived, event.payload)
        elif isinstance(event, Closing):
            if reply:
                self._outbox.write(reply)
            self._begin_closing(at_once=not self._client)
            # RFC 6455 section 7.1.1: the server closes the TCP connection.
            if not self._client:
                self._end_with(self._transport.loseConnection)
            self._part()
        else:
            self._fail(reply)
            self.factory.peer_failed(self, event.cause)
            if connection.unfinished:
                self._message_arrives(connection)
            # A peer that has broken the protocol may leave its end open, so nobody is to wait
            # until the transport knows.
            self._settle(event.cause)

    def _tell(self, hook: Callable[..., object], *arguments: Any) -> None:
        """Call the application; if it raises, this connection is closed with 1011.

        That holds for an exception of any class, as it does where Twisted calls a protocol: a
        SystemExit out of one connection's code is nothing that the others are to die of.
        """
        if self._deaf or self._has_hung_up():
            return
        if self._succession is None:
            self._call(hook, *arguments)
        elif self._has_hook(hook):
            self._succession.add(hook, arguments)

    def _call(self, hook: Callable[..., object], *arguments: Any) -> None:
        try:
            result = hook(*arguments)
        except BaseException:
            self._application_failed(Failure())
        else:
            if result is not None:
                self._hook_returned(result)

    # Hooks that aren't done when they return.

    def _hook_returned(self, result: object) -> None:
        """Await what a hook has returned; the hooks that come now wait for it."""
        try:
            running = self._await(result)
        except TypeError:
            self._application_failed(Failure())
            return
        if running is None:
            return
        running.addErrback(self._hook_failed)
        if not has_fired(running):
            if self._succession is None:
                self._succession = self._begin_succession()
            self._succession.follow(running)
            self._open_up()

    def _await(self, result: object) -> Deferred[Any] | None:
        """Return a Deferred for what a hook has returned, None if that is done."""
        return to_await(result)

    def _begin_succession(self) -> Succession:
        return Succession(self._go_on)

    def _hook_failed(self, failure: Failure) -> None:
        """Take what a hook has failed with after it has returned."""
        connection = self._connection
        closed = connection is None or connection.state is not State.OPEN
        ended = failure.check(ConnectionClosed) or (
            connection is not None and only_ended(connection.closing, failure.value)
        )
        if not (closed and ended):
            self._application_failed(failure)

    def _go_on(self) -> None:
        """Call the hooks that wait, until one isn't done when it returns."""
        succession = self._succession
        assert succession is not None
        if succession.calling:
            # The hook that lets them go on is to return first.
            return
        succession.calling = True
        # None of them while the application has paused.
        while self._undelivered is None or self._settled:
            # It may have closed the transport meanwhile.
            self._has_hung_up()
            call = succession.take()
            if call is None:
                break
            hook, arguments = call
            self._call(hook, *arguments)
        succession.calling = False
        if succession.idle:
            self._succession = None
            if succession.has_dropped and self._pushes:
                self._deafen()
            self._open_up()
            succession.end()
        if self._reading is not None and len(succession) <= (self.factory.max_queue or 0) // 4:
            self._reading.resume()

    def _read_no_more_than(self, succession: Succession) -> None:
        """Pause reading if too many hooks wait; while it is closing, drop those instead."""
        max_queue, connection = self.factory.max_queue, self._connection
        assert connection is not None
        if connection.state is not State.OPEN:
            # The peer's close frame is behind them.
            succession.limit(max_queue)
        elif max_queue is not None and len(succession) >= max_queue:
            self._need_reading().pause(succession.size)

    def _cancel_hooks(self) -> None:
        """Cancel the hook that is running, and call no other but `connectionLost`."""
        if self._succession is not None:
            self._succession.cancel()

    def _has_hung_up(self) -> bool:
        """Tell whether the application has closed the transport; then it hears no more."""
        if self._outbox is not None and self._outbox.hung_up():
            self._transport_closed()
        return self._deaf

    def _transport_closed(self) -> None:
        """Hear nothing more if it is the application, in push style, who has closed it."""
        if self._pushes and not self._ended:
            self._deafen()

    def _deafen(self) -> None:
        """Give the application no more messages."""
        self._deaf = True
        self._shut = True
        if self._succession is not None:
            self._succession.clear()

    def _message_failed(self, exception: BaseException) -> None:
        self._application_failed(Failure(exception))

    def _application_failed(self, failure: Failure) -> None:
        log_failure(self.factory.log, "connection handler failed", failure, connection=id_of(self))
        self._deafen()
        self._close_after_failure()

    def _close_after_failure(self) -> None:
        connection = self._connection
        if connection is not None and connection.state is State.OPEN:
            # Not a word of what happened: it could help an attacker.
            self._outbox.write(connection.send_close(CloseCode.INTERNAL_ERROR))
            self._begin_closing()

    def _check_thread(self) -> None:
        """Make sure that this is called in the reactor's thread.

        Raises:
            ConcurrencyError: it isn't.
        """
        if self._is_elsewhere():
            raise ConcurrencyError(
                f"a connection is the reactor's thread's, and this is {current_thread().name}; "
                "use reactor.callFromThread(connection.sendMessage, message), or, to wait for "
                "the result, blockingCallFromThread(reactor, connection.send, message)"
            )

    # Keepalive.

    def _keepalive_ping(self) -> None:
        """Send a ping, for `Keepalive`."""
        assert self._connection is not None
        if self._reading is not None:
            self._reading.listen()
        self._connection.rest()
        pings = self._need_pings()
        if self._keepalive_payload is not None:
            # A peer that sends, but never a pong, isn't to fill our memory with pings.
            pings.forget(self._keepalive_payload)
        payload = self._keepalive_payload = pings.new_payload()
        pings.add(payload, self.factory.clock.seconds())
        if self._tracer is not None:
            self._tracer.note("sending keepalive ping")
        self._outbox.write_control(self._connection.send_ping(payload))

    def _keepalive_progress(self) -> Progress:
        """Tell how far what was sent has come, for `Keepalive`: the peer is silent, or slow."""
        keep_little_unsent(self._transport)
        return self._progress()

    def _progress(self) -> Progress:
        return progress_of(self._transport, self._outbox)

    def _keepalive_failed(self) -> None:
        """Give the connection up, for `Keepalive`."""
        assert self._connection is not None
        if self._reading is not None and not self._reading.listening:
            # It is we who haven't read; the peer may have said a lot.
            return
        if self._tracer is not None:
            self._tracer.note("timed out waiting for keepalive pong")
        frame = self._connection.fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        self._outbox.discard()
        self._outbox.write_control(frame)
        self._begin_closing()
        self._end_with(self._transport.loseConnection)
        # A peer that is gone won't answer, so nobody is to wait until the transport knows.
        self._settle(TimeoutError("no sign of life within ping_timeout"))

    # Counting.

    def _standing(self) -> Standing:
        """Tell how the connection stands, for its factory's counters and its own."""
        return Standing(
            self._connection,
            0.0 if self._pings is None else self._pings.latency,
            0 if self._inbox is None else self._inbox.waiting,
            0 if self._outbox is None else self._outbox.waiting,
        )

    def _count(self) -> ConnectionCounters:
        """Return what has gone over the connection."""
        lasted = self._lasted
        uptime = self.factory.uptime_of(self) if lasted is None else lasted
        return ConnectionCounters.of(self._standing(), uptime)

    # Closing.

    def _begin_closing(self, at_once: bool = False) -> None:
        """Expect the connection to end, or the peer to read, within close_timeout.

        Args:
            at_once: whether the transport is closed when all that waits was written to it.
        """
        if self._tracer is not None:
            self._tracer.state(State.CLOSING)
        if self.factory.keepalive is not None:
            self.factory.keepalive.discard(self)
        if self._inbox is not None:
            self._inbox.discard_when_full()
        if self._succession is not None:
            self._succession.limit(self.factory.max_queue)
            self._need_reading().resume()
        if self._undelivered is not None:
            # The peer's close frame is behind what the application doesn't want to have.
            self._deafen()
            self._release()
        if self._deadlines is None:
            self._expect_the_end(at_once)

    def _expect_the_end(self, at_once: bool = False) -> None:
        deadlines, outbox = self.factory.closing_deadlines, self._outbox
        self._set_deadline(deadlines)
        # Mostly nothing waits anywhere, and it costs a percent or two of a short connection to ask.
        brief = at_once and outbox.ready and isinstance(outbox, WriteThrough)
        if deadlines is not None and not brief:
            self._closing_progress = self._progress()

    def _fail(self, frame: bytes) -> None:
        """Close the transport after this last frame, if there is one, and hear nothing more."""
        self._outbox.discard()
        if frame:
            self._outbox.write_control(frame)
        self._begin_closing()
        self._end_with(lambda: close_softly(self._transport))

    def _end_with(self, close: Callable[[], None]) -> None:
        """Close the transport like this when all is written to it."""
        self._ended = True
        self._outbox.end(close)

    def _closing_missed(self) -> None:
        """Go on waiting for the connection to close if the peer still reads, for `Deadlines`."""
        assert self._deadlines is not None
        before, now = self._closing_progress, self._progress()
        if before is None or now.since(before):
            self._closing_progress, self._closing_again = now, False
            self._deadlines.add(self)
        elif now.blocked and not self._closing_again:
            # Of slow readers, too, nothing may be seen for long.
            self._closing_again = True
            self._deadlines.add(self)
        else:
            self._give_up_closing()

    def _part(self) -> None:
        """Give the peer a moment to end TCP: both close frames are sent.

        RFC 6455 section 7.1.1: a client may close the TCP connection at any time then. Over TLS, a
        server, too, has something to wait for: that the other end says that it has ended.
        """
        if self._client or not isinstance(self._transport, TCPTransport):
            self._parting = self.factory.parting_deadlines
            self._parting.add(self)

    def _parting_missed(self) -> None:
        """End TCP, which the peer doesn't, once all that was sent has left, for `Deadlines`."""
        if self._progress().unsent:
            # As long as that may take, the other deadline judges.
            assert self._parting is not None
            self._parting.add(self)
            return
        if self._tracer is not None:
            self._tracer.note("the peer leaves TCP open")
        self._end_with(partial(let_go, self._transport))

    def _give_up_closing(self) -> None:
        """Wait no longer for the connection to close, if it still does."""
        if self._deadlines is None:
            return
        if self._tracer is not None:
            self._tracer.note("timed out while closing")
        if self._progress().arrived:
            self._end_with(partial(let_go, self._transport))
        else:
            self._ended = True
            abort(self._transport)

    def _set_deadline(self, deadlines: Deadlines[Any] | None) -> None:
        if self._deadlines is not None:
            self._deadlines.discard(self)
        self._deadlines = deadlines
        if deadlines is not None:
            deadlines.add(self)

    def _transport_lost(self, reason: Failure = connectionDone) -> None:
        """Take the end from the transport."""
        self._set_deadline(None)
        if self._parting is not None:
            self._parting.discard(self)
        del self.connectionLost
        self._leave()
        assert reason.value is not None
        self._settle(reason.value)
        if self._outbox is not None:
            self._outbox.close(self._ending)
        self._gone_waiters.fire(None)

    def _leave(self) -> None:
        """Count no more as a connection of the factory, which one does as long as its transport.

        So nobody has more sockets than max_connections by breaking the protocol on them, and a
        server that closes waits until the last words have left.
        """
        lasted = self.factory.leave(self)
        if self._lasted is None:
            self._lasted = lasted
        if self._connection is not None:
            self.factory.books.close(self._connection)

    def _wait_gone(self) -> Deferred[None]:
        """Return a Deferred that fires when the transport is gone, too."""
        if self not in self.factory.connections:
            return Done()
        self._gone_waiters = waitable(self._gone_waiters)
        return self._gone_waiters.wait()

    def _settle(self, cause: BaseException) -> None:
        """Tell the end to all who wait for it, once."""
        if self._settled:
            return
        self._settled = True
        factory = self.factory
        if self._lasted is None:
            self._lasted = factory.uptime_of(self)
        connection = self._connection
        if connection is None:
            if self._never_opened is None:
                self._never_opened = self._lost_while_opening(cause)
            factory.books.refuse(self._never_opened)
            self._opened_waiters.fail(self._ending)
        else:
            if factory.keepalive is not None:
                factory.keepalive.discard(self)
            connection.connection_lost(cause)
            ending = partial(ConnectionClosed.of, connection.closing)
            if factory.log_connections:
                log_closed(factory.log, self, ending())
            if self._inbox is not None:
                self._inbox.close(ending)
            elif self._reading is not None:
                self._reading.close()
            if self._pings is not None:
                self._pings.close(ending())
            self._late.fail(ending)
        if self._tracer is not None:
            self._tracer.state(State.CLOSED)
        if self._outbox is not None:
            self._outbox.release(self._ending)
        if self._undelivered:
            # Nothing comes after the end, even if the application resumes in its connectionLost.
            self._undelivered = []
        if self.connected:
            self._tell_lost()
        self._closed_waiters.fire(None)
        self._told_waiters.fire(None)

    def _wait_told(self) -> Deferred[None]:
        """Return a Deferred that fires when all who wait for the connection know that it ended."""
        if self._settled:
            return Done()
        self._told_waiters = waitable(self._told_waiters)
        return self._told_waiters.wait()

    def _ending(self) -> Exception:
        """Return an exception that tells how it ended, for those who want to know."""
        if self._connection is not None:
            return ConnectionClosed.of(self._connection.closing)
        assert self._never_opened is not None
        return self._never_opened

    def _tell_lost(self) -> None:
        # The class's: on this instance, until the transport is gone, it is `_transport_lost`.
        lost, reason = type(self).connectionLost, Failure(self._ending())
        if self._succession is None:
            self._call(lost, self, reason)
            self._deafen()
            return
        self._succession.add_last(lost, self, reason)
        if self._undelivered is not None:
            # The application doesn't want to have what waits.
            self._succession.clear()
            self._go_on()


# The application's class may have a method or an attribute of any name; so what isn't a hook is
# asked here, or of our own class, wherever we need it ourselves.


def state_of(connection: Driver) -> State:
    """Return the state that a connection is in."""
    if connection._connection is not None:
        return connection._connection.state
    return State.CLOSED if connection._settled else State.CONNECTING
