"""A connection belongs to the reactor's thread; its use in another fails at once."""

from threading import Thread, get_ident

from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.python import threadable
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import CLOSE, PING, TEXT, ClientSide, ServerSide
from tests.support.streams import StreamTestCase
from tests.support.ways import OverTLS
from txws2 import broadcast
from txws2._checks.threads import check_reactor_thread
from txws2.exceptions import ConcurrencyError


def elsewhere(function, *args):
    """Call a function in another thread; return its result, or raise its exception here."""
    outcome = []

    def run():
        try:
            outcome.append((function(*args), None))
        except BaseException as exc:
            outcome.append((None, exc))

    thread = Thread(target=run, name="another")
    thread.start()
    thread.join()
    [(result, exc)] = outcome
    if exc is not None:
        raise exc
    return result


class ThreadTests:
    def assertRefused(self, function, *args):
        exc = self.assertRaises(ConcurrencyError, elsewhere, function, *args)
        self.assertIn("this is another", str(exc))
        self.assertIn("reactor.callFromThread", str(exc))

    def test_nothing_is_sent_from_another_thread(self):
        ws = self.open()
        for send in (ws.send, ws.sendMessage):
            for message in ("text", b"binary", bytearray(b"any"), "x" * 100_000):
                self.assertRefused(send, message)
            self.assertRefused(send, b"text", True)
        self.assertRefused(ws.send, ["parts", "of", "one"])
        self.assertRefused(ws.ping)
        self.assertRefused(ws.close)
        self.assertEqual(self.said(), [])
        self.assertEqual(ws.counters.messages_out, 0)

    def test_nothing_is_received_in_another_thread(self):
        ws = self.open()
        self.hear((TEXT, b"hello"))
        for receive in ws.recv, ws.recv_streaming, ws.__aiter__, ws.wait_closed, ws.wait_opened:
            self.assertRefused(receive)
        self.assertRefused(lambda: ws.recv(timeout=0))
        self.assertEqual(self.successResultOf(ws.recv()), "hello")

    def test_the_error_names_the_way_that_waits_too(self):
        ws = self.open()
        exc = self.assertRaises(ConcurrencyError, elsewhere, ws.recv)
        self.assertIn("blockingCallFromThread(reactor, connection.send, message)", str(exc))

    def test_nothing_is_broadcast_from_another_thread(self):
        ws = self.open()
        self.assertRefused(broadcast, [ws], "hello")
        self.assertEqual(self.said(), [])

    def test_reading_is_not_paused_or_resumed_from_another_thread(self):
        ws = self.open()
        self.assertRefused(ws.pauseProducing)
        ws.pauseProducing()
        self.assertRefused(ws.resumeProducing)
        self.assertTrue(self.ours.paused)

    def test_before_and_after_it_is_the_same(self):
        self.connect()
        self.assertRefused(self.ws.sendMessage, "hello")
        self.open_peer()
        self.ws.close()
        self.assertRefused(self.ws.sendMessage, "hello")
        self.joined.drop()
        self.assertRefused(self.ws.close)

    def test_its_facts_can_be_asked_in_any_thread(self):
        ws = self.open()
        for name in ("state", "latency", "request", "subprotocol", "counters", "remote_address"):
            elsewhere(getattr, ws, name)

    def test_in_its_own_thread_all_goes_on(self):
        ws = self.open()
        self.assertRefused(ws.sendMessage, "1")
        ws.sendMessage("2")
        ws.ping(b"3")
        ws.close()
        opcodes = [opcode for opcode, _ in self.said()]
        self.assertEqual(opcodes, [TEXT, PING, CLOSE])

    def test_a_connection_is_of_the_thread_in_which_it_was_made(self):
        ws = elsewhere(self.open)
        self.assertRaises(ConcurrencyError, ws.sendMessage, "hello")


class ServerThreadTests(ThreadTests, ServerSide):
    pass


class ServerThreadOverTLSTests(OverTLS, ThreadTests, ServerSide):
    pass


class ClientThreadTests(ThreadTests, ClientSide):
    pass


class ReactorThreadTests(SynchronousTestCase):
    """The calls that make a connection or a server; tests/interop/test_threads.py has real ones."""

    def test_nothing_is_begun_beside_the_reactor_that_runs(self):
        self.patch(threadable, "ioThread", get_ident())
        check_reactor_thread(reactor, "txws2.connect, uri")
        exc = self.assertRaises(
            ConcurrencyError, elsewhere, check_reactor_thread, reactor, "txws2.connect, uri"
        )
        self.assertIn("this is another", str(exc))
        self.assertIn("blockingCallFromThread(reactor, txws2.connect, uri)", str(exc))

    def test_before_it_runs_it_may_be_any_thread(self):
        self.patch(threadable, "ioThread", None)
        elsewhere(check_reactor_thread, reactor, "txws2.connect, uri")

    def test_any_thread_may_call_with_a_reactor_whose_thread_is_unknown(self):
        self.patch(threadable, "ioThread", get_ident())
        elsewhere(check_reactor_thread, Clock(), "txws2.connect, uri")


class WrappedTests(StreamTestCase):
    def test_a_write_of_a_wrapped_protocol_is_refused_too(self):
        self.link()
        self.assertRaises(ConcurrencyError, elsewhere, self.server.transport.write, b"hello")
        self.pump()
        self.assertEqual(self.client.received, [])
