"""The system's clock is set, forward or back: no timeout or wait of txws2 changes."""

import errno
import os
import re
from email.utils import formatdate, parsedate_to_datetime
from time import time

from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled, ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IReactorTime, IReadDescriptor
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.task import Clock, LoopingCall
from twisted.internet.testing import StringTransport
from twisted.python import runtime
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.connection.test_keepalive import Connection
from txws2._connection.keepalive import Keepalive
from txws2._time import clock_settings as clocksettings
from txws2._time.clock_settings import ClockSettings, watch
from txws2._time.deadlines import Deadlines
from txws2._time.steady import SteadyClock, steady
from txws2.client.protocol import WebSocketClientFactory
from txws2.client.proxy_endpoint import ProxyEndpoint
from txws2.server.factory import WebSocketServerFactory
from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Response
from txws2.wire.proxy.urls import parse_proxy

HOUR = 3600


class ClockSetTestCase(SynchronousTestCase):
    """Has a reactor that uses the system's clock, which the test can set.

    Attributes:
        tells: True if the system reports that the clock was set.
    """

    tells = True

    def setUp(self):
        self.reactor, self.passed, self.watches = Clock(), 0.0, []
        self.clock = SteadyClock(self.reactor, lambda: self.passed, self.watch)
        self.called = []

    def watch(self, reactor, changed):
        self.watches.append(changed)

    def pass_time(self, seconds, step=0.25):
        for _ in range(round(seconds / step)):
            self.passed += step
            self.reactor.advance(step)

    def set_clock(self, by):
        self.reactor.rightNow += by
        if self.tells:
            for changed in self.watches:
                changed()

    def note(self, what="called"):
        self.called.append((what, self.passed))


class SetAnyTimeTests(ClockSetTestCase):
    def test_a_call_comes_when_its_time_has_passed(self):
        for by in (HOUR, -HOUR, 5, -5):
            self.setUp()
            self.clock.callLater(10, self.note)
            self.pass_time(1)
            self.set_clock(by)
            self.pass_time(8.75)
            self.assertEqual(self.called, [])
            self.pass_time(0.25)
            self.assertEqual(self.called, [("called", 10)])
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_an_immediate_call_comes_at_once(self):
        self.clock.callLater(0, self.note)
        self.set_clock(-HOUR)
        self.pass_time(0.25)
        self.assertEqual(self.called, [("called", 0.25)])

    def test_calls_of_others_are_left_alone(self):
        call = self.reactor.callLater(10, self.note)
        other = SteadyClock(self.reactor, lambda: self.passed, self.watch)
        self.clock.callLater(10, self.note)
        other.callLater(10, self.note)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.set_clock(-HOUR)
        self.assertEqual(call.getTime(), 10)

    def test_deadlines_do_not_strike_all_at_once_nor_an_hour_late(self):
        for by in (HOUR, -HOUR):
            self.setUp()
            deadlines = Deadlines(self.clock, 10, self.note)
            deadlines.add("a")
            self.pass_time(5)
            deadlines.add("b")
            self.set_clock(by)
            self.pass_time(20)
            self.assertEqual(self.called, [("a", 10), ("b", 15)])

    def keep_alive(self):
        keepalive = Keepalive(self.clock, 20, 20)
        connection = Connection(self.clock, keepalive)
        keepalive.add(connection)
        return connection

    def test_keepalive_goes_on_and_takes_nobody_for_dead(self):
        for by in (HOUR, -HOUR):
            self.setUp()
            connection = self.keep_alive()
            self.pass_time(21)
            # The peer was pinged a second ago, and hasn't answered yet.
            self.set_clock(by)
            self.pass_time(1)
            self.assertEqual(connection.failures, [])
            for _ in range(100):
                connection.heard = True
                self.pass_time(1)
            self.assertEqual(connection.failures, [])
            self.assertEqual(len(connection.pings), 6)

    def test_keepalive_finds_who_is_gone_in_time(self):
        for by in (HOUR, -HOUR):
            self.setUp()
            connection = self.keep_alive()
            self.pass_time(21)
            self.set_clock(by)
            self.pass_time(20)
            self.assertEqual(len(connection.failures), 1)

    def test_a_looping_call_goes_on(self):
        for by in (HOUR, -HOUR):
            self.setUp()
            loop = LoopingCall(self.note)
            loop.clock = self.clock
            loop.start(1, now=False)
            self.pass_time(2.5)
            self.set_clock(by)
            self.pass_time(2.5)
            self.assertEqual([time for _, time in self.called], [1, 2, 3, 4, 5])
            loop.stop()

    def test_it_is_watched_once_and_only_when_there_is_a_first_call(self):
        self.assertEqual(self.watches, [])
        for _ in range(3):
            self.clock.callLater(1, self.note)
        self.assertEqual(len(self.watches), 1)


class SetForwardTests(ClockSetTestCase):
    """Calls that come early are delayed again, even if the system doesn't report the change."""

    tells = False

    def test_a_call_comes_when_its_time_has_passed(self):
        self.clock.callLater(10, self.note)
        self.set_clock(HOUR)
        self.pass_time(9.75)
        self.assertEqual(self.called, [])
        self.pass_time(0.25)
        self.assertEqual(self.called, [("called", 10)])

    def test_one_that_was_put_off_can_be_cancelled(self):
        call = self.clock.callLater(10, self.note)
        self.set_clock(HOUR)
        self.pass_time(1)
        call.cancel()
        self.pass_time(10)
        self.assertEqual((self.called, self.reactor.getDelayedCalls()), ([], []))


class CallTests(ClockSetTestCase):
    """The returned call is an IDelayedCall like any other."""

    def test_both_are_what_they_say(self):
        verifyObject(IReactorTime, self.clock)
        verifyObject(IDelayedCall, self.clock.callLater(1, self.note))

    def test_it_is_called_with_its_arguments(self):
        self.clock.callLater(1, lambda *args, **kwargs: self.called.append((args, kwargs)), 1, a=2)
        self.pass_time(1)
        self.assertEqual(self.called, [((1,), {"a": 2})])

    def test_after_it_was_called_or_cancelled_it_is_neither_again(self):
        call = self.clock.callLater(1, self.note)
        self.assertTrue(call.active())
        self.pass_time(1)
        self.assertFalse(call.active())
        self.assertRaises(AlreadyCalled, call.cancel)
        self.assertRaises(AlreadyCalled, call.reset, 1)
        call = self.clock.callLater(1, self.note)
        call.cancel()
        self.assertFalse(call.active())
        for again in (call.cancel, lambda: call.reset(1), lambda: call.delay(1)):
            self.assertRaises(AlreadyCancelled, again)

    def test_it_can_be_moved(self):
        call = self.clock.callLater(10, self.note)
        call.reset(2)
        call.delay(3)
        self.assertEqual(call.getTime(), 5)
        self.pass_time(10)
        self.assertEqual(self.called, [("called", 5)])


class WhichClockTests(SynchronousTestCase):
    def test_a_clock_of_a_test_is_taken_as_it_is(self):
        clock = Clock()
        self.assertIs(steady(clock), clock)
        self.assertIs(WebSocketServerFactory(reactor=clock).clock, clock)

    def test_a_reactor_that_goes_by_the_system_s_has_one_that_is_steady(self):
        class Reactor(Clock):
            seconds = staticmethod(runtime.seconds)

        reactor = Reactor()
        self.assertIsInstance(steady(reactor), SteadyClock)
        self.assertIs(steady(reactor), WebSocketServerFactory(reactor=reactor).clock)
        self.assertLess(abs(reactor.seconds() - time()), 60)

    def test_a_refusal_of_a_proxy_is_waited_for_by_it(self):
        class Reactor:
            seconds = staticmethod(runtime.seconds)

        class Endpoint:
            def connect(self, factory):
                self.factory = factory
                return Deferred()

        reactor, endpoint = Reactor(), Endpoint()
        proxy = parse_proxy("http://proxy.example:3128")
        ProxyEndpoint(reactor, proxy, endpoint, "example.com", 80).connect(None)
        self.assertIs(endpoint.factory.clock, steady(reactor))


class DateTests(SynchronousTestCase):
    """Dates still come from the system's clock."""

    def setUp(self):
        class Reactor(Clock):
            seconds = staticmethod(runtime.seconds)

        self.reactor = Reactor()

    def test_a_server_tells_the_date(self):
        factory, transport = WebSocketServerFactory(reactor=self.reactor), StringTransport()
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(b"nonsense\r\n\r\n")
        [date] = re.findall(rb"\r\nDate: (.*?)\r\n", transport.value())
        then = parsedate_to_datetime(date.decode()).timestamp()
        self.assertLess(abs(then - time()), 60)
        protocol.connectionLost(Failure(ConnectionDone()))

    def test_a_client_knows_whether_a_cookie_has_expired(self):
        factory = WebSocketClientFactory("ws://example.com/", reactor=self.reactor)
        headers = Headers()
        for name, of in (("old", -HOUR), ("new", HOUR)):
            expires = formatdate(time() + of, usegmt=True)
            headers.addRawHeader("Set-Cookie", f"{name}=1; Expires={expires}")
        factory.keep_cookies(Response(302, "Found", headers))
        self.assertEqual(factory.build_request().headers.get("Cookie"), "new=1")


class Reactor(PosixReactorBase):
    """The parts of a reactor that `watch` needs."""

    def __init__(self):
        self._internalReaders, self.readers, self.triggers = set(), set(), []
        self.addReader, self.removeReader = self.readers.add, self.readers.discard

    def addSystemEventTrigger(self, *trigger):
        self.triggers.append(trigger)


class WatchTests(SynchronousTestCase):
    """The timer of the system, and a pipe instead of it, as a test can't set the clock."""

    def setUp(self):
        self.reactor, self.changes, self.armed = Reactor(), [], []
        self.reading, self.writing = os.pipe2(os.O_NONBLOCK)
        self.addCleanup(os.close, self.writing)

    def watch(self):
        self.patch(clocksettings, "_create", lambda: self.reading)
        self.patch(clocksettings, "_arm", self.armed.append)
        return watch(self.reactor, lambda: self.changes.append(len(self.armed)))

    def test_each_change_of_the_clock_is_reported_once(self):
        self.assertTrue(self.watch())
        [reader] = self.reactor.readers
        verifyObject(IReadDescriptor, reader)
        self.assertEqual((reader.fileno(), self.armed), (self.reading, [self.reading]))
        for _ in range(2):
            os.write(self.writing, bytes(8))
            reader.doRead()
        self.assertEqual(self.changes, [2, 3])
        reader.doRead()
        self.assertEqual(len(self.changes), 2)
        self.end()

    def test_the_error_by_which_the_system_tells_is_none(self):
        self.watch()
        [reader] = self.reactor.readers

        def read(fd, size):
            raise OSError(self.number, "")

        self.patch(clocksettings.os, "read", read)
        self.number = errno.ECANCELED
        reader.doRead()
        self.assertEqual(len(self.changes), 1)
        self.number = errno.EBADF
        self.assertRaises(OSError, reader.doRead)
        reader.connectionLost(None)
        self.assertTrue(reader.logPrefix())
        self.end()

    def end(self):
        [(phase, event, stop)] = self.reactor.triggers
        self.assertEqual((phase, event), ("after", "shutdown"))
        stop()

    def test_it_is_the_reactor_s_own_until_that_stops(self):
        self.watch()
        self.assertEqual(self.reactor._internalReaders, self.reactor.readers)
        self.end()
        self.assertEqual((self.reactor._internalReaders, self.reactor.readers), (set(), set()))
        self.assertRaises(OSError, os.fstat, self.reading)

    def test_without_such_a_timer_nothing_is_reported(self):
        def fail(*_):
            raise OSError(errno.ENOSYS, "")

        self.patch(clocksettings, "_create", fail)
        self.assertFalse(watch(self.reactor, self.fail))
        self.patch(clocksettings, "_create", lambda: self.reading)
        self.patch(clocksettings, "_arm", fail)
        self.assertFalse(watch(self.reactor, self.fail))
        self.assertRaises(OSError, os.fstat, self.reading)
        self.assertFalse(watch(Clock(), self.fail))
        self.assertEqual(self.reactor.readers, set())

    def test_linux_has_one(self):
        os.close(self.reading)
        fd = clocksettings._create()
        self.addCleanup(os.close, fd)
        reader = ClockSettings(fd, clocksettings._arm, lambda: self.fail("nobody has set it"))
        reader.doRead()
        self.assertFalse(os.get_inheritable(fd))

    if not clocksettings.sys.platform.startswith("linux"):
        test_linux_has_one.skip = "it is Linux that has it"
