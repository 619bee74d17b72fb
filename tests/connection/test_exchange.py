import contextlib
import gc
import socket
import weakref
from asyncio import CancelledError
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.tcp import Connection as TCPTransport
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.checks.test_threads import elsewhere
from tests.support.exchanges import exchange_of
from tests.support.tallies import counted
from tests.support.twins import PURE, in_c, load, pure
from tests.wire import same_each_time
from txws2._transport.cork import BATCH_SIZE
from txws2.wire.connection import Connection
from txws2.wire.deflater import Deflater
from txws2.wire.events import Ping, Pong
from txws2.wire.frames import BINARY, CLOSE, PING, PONG, TEXT, encode_frame
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate


def frame(payload, opcode=TEXT, **options):
    if isinstance(payload, str):
        payload = payload.encode()
    return encode_frame(opcode, payload, masked=True, **options)


def frames(*payloads):
    return b"".join(map(frame, payloads))


class Transport(TCPTransport):
    """A transport that nobody has closed, and that has no socket."""

    def __init__(self):
        pass


class OpenTransport:
    """The attributes of a transport that is open."""

    disconnecting = _aborting = TLS = False


class ReceiveTests(TestCase):
    Example = exchange_of(PURE["Exchange"], PURE["Cork"], PURE["Handle"])

    def opened(self, **options):
        return self.Example(**{"client": False} | options)

    def echo(self):
        exchange = self.opened()
        exchange.answer = exchange.send_message
        return exchange

    def test_before_it_is_open_all_belongs_to_the_opening(self):
        exchange = self.Example()
        exchange.data_received(b"GET")
        self.assertEqual(exchange.told, [("opening", b"GET")])
        self.assertIs(exchange.heard, False)

    def test_each_message_is_delivered(self):
        exchange = self.opened()
        exchange.data_received(frames("Hello", "") + frame(b"\xff\x00", BINARY))
        self.assertEqual(exchange.told, ["Hello", "", b"\xff\x00"])

    def test_it_notes_that_bytes_have_come(self):
        exchange = self.opened()
        self.assertIs(exchange.heard, False)
        exchange.data_received(b"\x81")
        self.assertIs(exchange.heard, True)

    def test_a_server_s_messages_have_no_mask(self):
        exchange = self.opened(client=True)
        exchange.data_received(b"\x81\x05Hello" + b"\x82\x00")
        self.assertEqual(exchange.told, ["Hello", b""])

    def test_messages_sent_meanwhile_leave_in_one_piece(self):
        exchange = self.echo()
        exchange.data_received(frames("a", "b", "€"))
        self.assertEqual(exchange.writes, [b"\x81\x01a\x81\x01b\x81\x03\xe2\x82\xac"])

    def test_nothing_is_written_if_nothing_is_sent(self):
        exchange = self.opened()
        exchange.data_received(frames("a"))
        self.assertEqual(exchange.writes, [])

    def test_other_frames_have_their_turn(self):
        exchange = self.opened()
        exchange.data_received(frames("a") + frame(b"", PING) + frames("b"))
        self.assertEqual(exchange.told, ["a", "Ping", "b"])

    def test_a_ping_is_answered_between_the_answers_to_messages(self):
        for client in (False, True):
            exchange = self.opened(client=client)
            peer = Connection(client=not client)
            exchange.answer = exchange.send_message
            data = peer.send_message("a") + peer.send_ping(b"now") + peer.send_message("b")
            for cut in range(len(data)):
                exchange.writes.clear()
                exchange.told.clear()
                exchange.data_received(data[:cut])
                exchange.data_received(data[cut:])
                self.assertEqual(exchange.told, ["a", "Ping", "b"])
                told = peer.receive(b"".join(exchange.writes))
                self.assertEqual(told, ["a", Pong(b"now"), "b"])
            counts = counted(exchange.connection)
            self.assertEqual(counts["frames_in"][9], len(data))
            self.assertEqual(counts["frames_out"][10], len(data))
            self.assertEqual(counts["bytes_in"], len(data) ** 2)

    def test_control_frames_between_fragments_are_taken(self):
        exchange = self.opened()
        data = frame("a", fin=False) + frame(b"", PONG) + frame("b", 0) + frame(b"", CLOSE)
        for cut in range(len(data)):
            exchange = self.opened()
            exchange.data_received(data[:cut])
            exchange.data_received(data[cut:] + frames("c"))
            self.assertEqual(exchange.told, ["Pong", "ab", "Closing"])
            self.assertEqual(counted(exchange.connection)["bytes_in"], len(data) + 7)

    def test_a_wrong_close_frame_fails_the_connection(self):
        exchange = self.opened()
        exchange.data_received(frames("a") + frame(b"x", CLOSE) + frames("b"))
        self.assertEqual(exchange.told, ["a", "Failed"])

    def test_a_message_of_which_a_part_was_taken_ends_with_the_remainder(self):
        exchange = self.opened()
        data = frames("abc")
        exchange.data_received(data[:-2])
        self.assertEqual(exchange.connection.take_part(), "a")
        exchange.data_received(data[-2:] + frames("d"))
        self.assertEqual(exchange.told, ["Remainder", "d"])

    def test_messages_of_a_list_are_given_as_long_as_nothing_is_against_it(self):
        exchange = self.opened()
        exchange.answer = lambda message: exchange.stop() if message == "c" else None
        events = ["a", b"b", Ping(b""), "c", "d"]
        self.assertEqual(exchange.give_messages(events, 0), 2)
        self.assertEqual(exchange.give_messages(events, 2), 2)
        self.assertEqual(exchange.give_messages(events, 3), 4)
        self.assertEqual(exchange.give_messages(events, 4), 4)
        self.assertEqual(exchange.told, ["a", b"b", "c"])
        self.assertEqual(self.opened().give_messages([], 0), 0)

    def test_a_list_may_change_while_it_is_given(self):
        exchange = self.opened()
        events = ["a", "b", "c"]
        exchange.answer = lambda message: events.clear()
        exchange.give_messages(events[:1], 0)
        self.assertEqual(exchange.told, ["a"])

    def test_cut_anywhere_it_is_the_same(self):
        data = frames("a", "b" * 200) + frame("c", fin=False) + frame("d", 0) + frames("e")
        expected = ["a", "b" * 200, "cd", "e"]
        for cut in range(len(data)):
            exchange = self.opened()
            exchange.data_received(data[:cut])
            exchange.data_received(data[cut:])
            self.assertEqual(exchange.told, expected)

    def test_a_wrong_frame_fails_the_connection(self):
        for wrong in (b"\xff", b"\x81\x01a", frame(b"\xff"), frame("x" * 11)):
            exchange = self.opened(max_size=10)
            exchange.data_received(frames("a") + wrong + bytes(9) + frames("b"))
            self.assertEqual(exchange.told, ["a", "Failed"])

    def test_a_transport_may_read_any_bytes(self):
        for kind in (bytearray, memoryview):
            exchange = self.opened()
            exchange.data_received(kind(frames("a", "b")))
            self.assertEqual(exchange.told, ["a", "b"])

    def test_another_type_than_bytes_is_refused(self):
        exchange = self.echo()
        self.assertRaises(TypeError, exchange.data_received, "Hello")
        self.assertRaises(TypeError, exchange.data_received)
        exchange.data_received(frames("a"))
        self.assertEqual(exchange.writes, [b"\x81\x01a"])

    def test_it_takes_no_messages_once_it_is_shut(self):
        exchange = self.opened()
        exchange.answer = lambda message: exchange.stop() if message == "b" else None
        exchange.data_received(frames("a", "b", "c") + frame(b"", PING) + frames("d"))
        self.assertEqual(exchange.told, ["a", "b", ("kept", "c"), "Ping", ("kept", "d")])
        exchange.data_received(frames("e"))
        self.assertEqual(exchange.told[5:], [("kept", "e")])

    def test_a_read_that_arrives_meanwhile_has_its_turn_afterwards(self):
        exchange = self.opened()
        more = [frames("c"), frames("d")]

        def read_more(message):
            if more:
                exchange.data_received(more.pop(0))
                exchange.send_message(message)

        exchange.answer = read_more
        exchange.data_received(frames("a", "b"))
        self.assertEqual(exchange.told, ["a", "b", "c", "d"])
        self.assertEqual(exchange.writes, [b"\x81\x01a\x81\x01b"])

    def test_once_the_transport_is_closed_nothing_more_is_delivered(self):
        for how in ("disconnecting", "_aborting"):
            for closed_before in (True, False):
                exchange, transport = self.opened(), Transport()
                exchange.outbox._transport = exchange.outbox._socket = transport
                close = partial(setattr, transport, how, True)
                if closed_before:
                    close()
                else:
                    exchange.answer = lambda message, close=close: close()
                exchange.data_received(frames("a", "b", "c") + frame(b"", PING))
                kept = [("kept", message) for message in ("abc" if closed_before else "bc")]
                self.assertEqual(exchange.told, [*("a"[closed_before:]), "hung up", *kept, "Ping"])

    def test_unless_it_is_to_be_kept(self):
        exchange, transport = self.opened(), Transport()
        exchange.pushes, exchange.outbox._transport = False, transport
        transport.disconnecting = True
        exchange.data_received(frames("a", "b"))
        self.assertEqual(exchange.told, ["hung up", "a", "hung up", "b"])

    def test_a_result_of_the_application_is_passed_on_unless_it_is_none(self):
        exchange, result = self.opened(), object()
        exchange.answer = lambda message: result if message == "b" else None
        exchange.data_received(frames("a", "b", "c"))
        self.assertEqual(exchange.told, ["a", "b", ("returned", result), "c"])

    def test_an_exception_of_hook_returned_passes(self):
        exchange = self.opened()
        exchange.answer = lambda message: 1
        exchange.hook_returned = lambda result: 1 // 0
        self.assertRaises(ZeroDivisionError, exchange.data_received, frames("a", "b"))
        self.assertEqual(exchange.told, ["a"])

    def test_an_exception_of_the_application_is_passed_on(self):
        exchange, error = self.opened(), ValueError("no")

        def fail(message):
            exchange.send_message(message)
            raise error

        exchange.answer = fail
        exchange.data_received(frames("a", "b"))
        self.assertEqual(exchange.failed, [error, error])
        self.assertIsNotNone(error.__traceback__)
        self.assertEqual(exchange.told, ["a", "b"])
        self.assertEqual(exchange.writes, [b"\x81\x01a\x81\x01b"])

    def test_an_exception_of_any_class_is_the_connection_s_own_affair(self):
        for kind in (Exception, SystemExit, KeyboardInterrupt, GeneratorExit, CancelledError):
            exchange = self.opened()

            def answer(message, exchange=exchange, kind=kind):
                exchange.send_message(message)
                raise kind

            exchange.answer = answer
            exchange.data_received(frames("a", "b"))
            self.assertEqual(exchange.writes, [b"\x81\x01a\x81\x01b"])
            self.assertEqual([type(each) for each in exchange.failed], [kind, kind])

    def test_an_exception_of_the_driver_passes(self):
        exchange = self.opened()
        exchange.receive = lambda data: 1 // 0
        for data in (b"\x83", frames("a") + b"\x83", b"\x89"):
            self.assertRaises(ZeroDivisionError, exchange.data_received, data)

    def test_an_exception_leaves_nothing_held(self):
        exchange = self.opened()

        def fail(message):
            exchange.data_received(frames("b"))
            exchange.receive = lambda data: 1 // 0

        exchange.answer = fail
        self.assertRaises(ZeroDivisionError, exchange.data_received, frames("a"))
        self.assertEqual((exchange.holds, exchange.reads), (False, []))

    def test_it_can_be_collected(self):
        exchange = self.opened()
        exchange.answer = exchange.send_message
        exchange.turns = [exchange]
        gone = weakref.ref(exchange)
        del exchange
        gc.collect()
        self.assertIsNone(gone())


class SendTests(TestCase):
    Example = ReceiveTests.Example

    def opened(self, **options):
        return self.Example(**{"client": False} | options)

    def test_a_message_is_written_at_once(self):
        exchange = self.opened()
        for message in ("Hello", "é", b"\xff", "x" * 200, b"x" * 70_000):
            exchange.send_message(message)
        sizes = [7, 4, 3, 204, 70_010]
        self.assertEqual([len(write) for write in exchange.writes], sizes)
        self.assertEqual(exchange.writes[1:3], [b"\x81\x02\xc3\xa9", b"\x82\x01\xff"])

    def test_a_client_masks_it(self):
        exchange, server = self.opened(client=True), self.opened()
        for size in (0, 5, 200, 70_000):
            exchange.send_message(b"x" * size)
            server.data_received(exchange.writes[-1])
            self.assertEqual(server.told.pop(), b"x" * size)
        exchange.send_message("")
        exchange.send_message("")
        self.assertNotEqual(*exchange.writes[-2:])

    def test_much_that_is_sent_during_a_read_leaves_before_its_end(self):
        exchange = self.opened()
        message = b"x" * (BATCH_SIZE // 2)

        def answer(_):
            for _ in range(5):
                exchange.send_message(message)

        exchange.answer = answer
        exchange.data_received(frames("a"))
        self.assertEqual(b"".join(exchange.writes).count(message), 5)

    def test_another_message_goes_to_the_driver(self):
        cases = [
            ((bytearray(b"a"),), {}, (bytearray(b"a"), None, None)),
            ((b"a", True), {}, (b"a", True, None)),
            (("a",), {"text": False, "compress": True}, ("a", False, True)),
            ((None,), {}, (None, None, None)),
        ]
        for args, options, expected in cases:
            exchange = self.opened()
            exchange.send_message(*args, **options)
            self.assertEqual((exchange.told, exchange.writes), ([("sent", *expected)], []))

    def test_a_message_that_can_not_be_sent_now_goes_to_the_driver(self):
        early, late, busy, streaming = self.Example(), *(self.opened() for _ in range(3))
        late.connection.send_close(1000)
        busy.turns = object()
        streaming.connection.send_fragment("a", last=False)
        for exchange in (early, late, busy, streaming):
            exchange.send_message("a")
            self.assertEqual((exchange.told, exchange.writes), ([("sent", "a", None, None)], []))

    def test_in_another_thread_nothing_takes_the_fast_path(self):
        exchange, sent = self.opened(), []
        for here in (True, False):
            if not here:
                exchange.keep_thread()
            elsewhere(lambda: sent.append((exchange.send_ordinary("a"), exchange.is_elsewhere())))
        self.assertEqual(sent, [(True, False), (False, True)])
        self.assertIs(exchange.is_elsewhere(), False)
        elsewhere(exchange.send_message, "b")
        self.assertEqual(exchange.told, [("sent", "b", None, None)])
        elsewhere(exchange.keep_thread)
        self.assertIs(exchange.is_elsewhere(), True)

    def test_a_text_that_can_not_be_encoded_is_refused(self):
        exchange = self.opened()
        self.assertRaises(UnicodeEncodeError, exchange.send_message, "\ud800")
        exchange.outbox.cork()
        exchange.send_message("a")
        self.assertRaises(UnicodeEncodeError, exchange.send_message, "\ud800")
        exchange.outbox.uncork()
        self.assertEqual(exchange.writes, [b"\x81\x01a"])

    def test_it_may_lose_its_outbox_while_it_sends(self):
        for send in ("send_message", "send_ordinary"):
            exchange = self.opened()
            exchange.outbox._transmit = lambda data, exchange=exchange: setattr(
                exchange, "outbox", None
            )
            getattr(exchange, send)("a")
            self.assertIsNone(exchange.outbox)

    def test_send_ordinary_returns_whether_the_message_was_ordinary(self):
        exchange, closed = self.opened(), self.opened()
        closed.connection.send_close(1000)
        sent = [exchange.send_ordinary(message) for message in ("a", b"b", bytearray(b"c"), None)]
        self.assertEqual((sent, closed.send_ordinary("a")), ([True, True, False, False], False))
        self.assertEqual(exchange.writes, [b"\x81\x01a", b"\x82\x01b"])

    def test_it_has_to_be_given_a_message(self):
        self.assertRaises(TypeError, self.opened().send_message)
        self.assertRaises(TypeError, self.opened().send_message, "a", None, None)
        self.assertRaises(TypeError, self.opened().send_message, "a", binary=True)


def deflated(payload, opcode=TEXT, **options):
    return frame(Deflater(15, False, 6, 8).compress(payload), opcode, rsv1=True, **options)


class CompressedTests(TestCase):
    Example = ReceiveTests.Example

    def opened(self, threshold=0, **options):
        compression = PerMessageDeflate(threshold=threshold)
        return self.Example(
            **{"client": False, "deflate": Deflate(), "compression": compression} | options
        )

    def test_each_message_is_inflated_and_delivered(self):
        exchange = self.opened()
        exchange.data_received(
            deflated(b"Hello" * 9) + frames("a") + deflated(b"\xff", BINARY) + deflated(b"")
        )
        self.assertEqual(exchange.told, ["Hello" * 9, "a", b"\xff", ""])
        counts = counted(exchange.connection)
        self.assertEqual(counts["payload_in"], 47)
        self.assertEqual((counts["frames_in"][TEXT], counts["frames_in"][BINARY]), (3, 1))

    def test_cut_anywhere_it_is_the_same(self):
        data = deflated(b"a" * 300) + frames("b") + deflated("é".encode()) + frame(b"", PING)
        for cut in range(len(data)):
            exchange = self.opened()
            exchange.data_received(data[:cut])
            exchange.data_received(data[cut:])
            self.assertEqual(exchange.told, ["a" * 300, "b", "é", "Ping"])
            self.assertEqual(exchange.connection.bytes_in, len(data))

    def test_a_message_refers_to_those_before_it(self):
        exchange, deflater = self.opened(), Deflater(15, True, 6, 8)
        for _ in range(3):
            exchange.data_received(frame(deflater.compress(b"Hello, world"), rsv1=True))
        self.assertEqual(exchange.told, ["Hello, world"] * 3)

    def test_a_message_that_can_not_be_inflated_fails_the_connection(self):
        for wrong in (
            frame(b"\xff\xff", rsv1=True),
            deflated(b"\xff"),
            deflated(b"x" * 101),
            deflated(b"\xed\xa0\x80"),
        ):
            exchange = self.opened(max_size=100)
            data = frames("a") + wrong + frames("b")
            exchange.data_received(data)
            exchange.data_received(frames("c"))
            self.assertEqual(exchange.told, ["a", "Failed"])
            self.assertGreaterEqual(exchange.connection.bytes_in, len(data))

    def test_compression_that_was_not_agreed_on_fails_the_connection(self):
        exchange = self.opened(deflate=None)
        exchange.data_received(deflated(b"a"))
        self.assertEqual(exchange.told, ["Failed"])

    def test_another_exception_of_inflating_passes(self):
        exchange = self.opened()
        exchange.connection.inflater = object()
        self.assertRaises(AttributeError, exchange.data_received, deflated(b"a"))

    def test_answers_are_compressed_and_leave_in_one_piece(self):
        for client in (False, True):
            exchange, peer = self.opened(client=client), self.opened(client=not client)
            exchange.answer = exchange.send_message
            peer.send_message("Hello" * 9)
            peer.send_message("Hello" * 9)
            exchange.data_received(b"".join(peer.writes))
            [write] = exchange.writes
            self.assertEqual(write[0], 0xC0 | TEXT)
            self.assertLess(len(write), 40)
            peer.data_received(write)
            self.assertEqual(peer.told, ["Hello" * 9] * 2)
            counts = counted(exchange.connection)
            self.assertEqual((counts["payload_out"], counts["bytes_out"]), (90, len(write)))

    def test_outside_of_a_read_they_are_compressed_too(self):
        exchange, peer = self.opened(), self.opened(client=True)
        for message in ("é" * 50, b"\xff" * 50, "x" * 70_000):
            exchange.send_message(message)
            peer.data_received(exchange.writes.pop())
            self.assertEqual(peer.told.pop(), message)

    def test_short_ones_are_not_compressed(self):
        exchange = self.opened(threshold=3)
        for message in ("ab", b"abc", "é"):
            exchange.send_message(message)
        self.assertEqual([write[0] for write in exchange.writes], [0x81, 0xC2, 0x81])

    def test_an_exception_of_compressing_passes(self):
        exchange = self.opened()
        exchange.connection._encoder = object()
        self.assertRaises(AttributeError, exchange.send_message, "a")
        exchange.answer = exchange.send_message
        exchange.data_received(frames("a"))
        self.assertIsInstance(exchange.failed[0], AttributeError)


class SendWhereReadyTests(TestCase):
    Example = ReceiveTests.Example
    send_where_ready = pure("send_where_ready")

    def opened(self, **options):
        return self.Example(**{"client": False} | options)

    def send(self, exchanges, *arguments):
        """Send on these, and return the others."""
        exchanges = list(exchanges)
        handles = [exchange.handle for exchange in exchanges]
        others = self.send_where_ready(iter(handles), *arguments)
        return [exchanges[handles.index(other)] for other in others]

    def test_a_frame_is_sent_to_all_and_counted(self):
        exchanges = [self.opened(), self.opened()]
        self.assertEqual(self.send(exchanges, b"\x81\x01a", True, 1), [])
        self.assertEqual(self.send(iter(exchanges), b"\x82\x02ab", False, 2), [])
        for exchange in exchanges:
            self.assertEqual(exchange.writes, [b"\x81\x01a", b"\x82\x02ab"])
            counts = counted(exchange.connection)
            self.assertEqual((counts["payload_out"], counts["bytes_out"]), (3, 7))
            self.assertEqual((counts["frames_out"][TEXT], counts["frames_out"][BINARY]), (1, 1))

    def test_during_a_read_it_leaves_with_the_rest(self):
        exchange = self.opened()
        exchange.answer = lambda _: self.send([exchange], b"\x81\x00", True, 0)
        exchange.data_received(frames("a", "b"))
        self.assertEqual(exchange.writes, [b"\x81\x00" * 2])

    def test_it_is_not_sent_if_anything_is_against_it(self):
        early, closing, streaming, busy = self.Example(), *(self.opened() for _ in range(3))
        client, deflating = self.opened(client=True), self.opened(deflate=Deflate())
        full, waiting, ready = (self.opened() for _ in range(3))
        closing.connection.send_close(1000)
        streaming.connection.send_fragment("a", last=False)
        busy.turns = object()
        full.outbox.paused = True
        waiting.outbox._waiting = [b"a"]
        against = [early, closing, streaming, busy, client, deflating, full, waiting]
        found = self.send([ready, *against, ready], b"\x81\x01a", True, 1)
        self.assertEqual(found, against)
        self.assertEqual([exchange.writes for exchange in against], [[]] * len(against))
        self.assertEqual(ready.writes, [b"\x81\x01a"] * 2)

    def test_an_error_of_one_connection_is_no_other_s(self):
        first, broken, last = (self.opened() for _ in range(3))
        broken.outbox._transmit = lambda data: exec("raise SystemExit")
        found = self.send([first, broken, last], b"\x81\x01a", True, 1)
        self.assertEqual(found, [broken])
        self.assertEqual([type(each) for each in broken.failed], [SystemExit])
        self.assertEqual(first.writes + last.writes, [b"\x81\x01a"] * 2)

    def test_an_error_of_the_iterable_passes(self):
        def broken():
            yield self.opened().handle
            raise KeyError

        self.assertRaises(KeyError, self.send_where_ready, broken(), b"\x81\x01a", True, 1)

    def test_a_driver_of_another_kind_is_left_to_others(self):
        for other in (self.opened(), object(), None):
            self.assertEqual(self.send_where_ready([other], b"a", True, 1), [other])


class OfTheSubclassTests(TestCase):
    def test_the_subclass_does_all_but_ordinary_messages(self):
        exchange = PURE["Exchange"]()
        for method, argument in (
            ("data_received", b"a"),
            ("receive", b"a"),
            ("send_message", "a"),
            ("message_failed", ValueError()),
            ("refuse", ValueError()),
        ):
            self.assertRaises(NotImplementedError, getattr(exchange, method), argument)


IN_C = exchange_of(load().Exchange, load().Cork, load().Handle) if load() is not None else None


@in_c
class ReceiveInCTests(ReceiveTests):
    Example = IN_C

    def test_it_needs_an_outbox(self):
        exchange = self.opened()
        exchange.outbox = None
        self.assertRaises(AttributeError, exchange.data_received, b"a")

    def test_it_needs_a_limit_that_is_a_number(self):
        exchange = self.opened()
        exchange.connection.max_size = "one"
        self.assertRaises(TypeError, exchange.data_received, b"a")

    def test_nothing_else_is_ever_in_a_slot_of_its(self):
        exchange = self.opened()
        for name in ("connection", "outbox"):
            before = getattr(exchange, name)
            self.assertRaises(TypeError, setattr, exchange, name, object())
            self.assertIs(getattr(exchange, name), before)
            delattr(exchange, name)
            self.assertIsNone(getattr(exchange, name))


@in_c
class SendInCTests(SendTests):
    Example = IN_C


@in_c
class LargeMessagesTests(TestCase):
    """A large message goes to the socket without a copy, after the frames that are in the cork."""

    MESSAGES = (b"a", b"b" * 32_768, "c" * 40_000, b"d" * 70_000, b"", b"e" * 32_767)

    def opened(self, **options):
        exchange = IN_C(**{"client": False} | options)
        ours, self.peer = socket.socketpair()
        for end in (ours, self.peer):
            self.addCleanup(end.close)
            end.setblocking(False)
        exchange.outbox._transport, exchange.outbox._socket = OpenTransport(), ours
        return exchange

    def read(self):
        with contextlib.suppress(BlockingIOError):
            return self.peer.recv(2**20)
        return b""

    def send(self, exchange, messages, corked):
        """Send messages; return the bytes that the socket has taken."""
        taken = b""
        if corked:
            exchange.outbox.cork()
        for message in messages:
            exchange.send_message(message)
            taken += self.read()
        if corked:
            exchange.outbox.uncork()
        return taken + self.read()

    def test_all_messages_arrive_in_their_order(self):
        for corked in (False, True):
            exchange = self.opened()
            peer = Connection(client=True)
            sent = self.send(exchange, self.MESSAGES, corked)
            self.assertEqual(peer.receive(sent), list(self.MESSAGES))
            self.assertEqual(exchange.writes, [])
            counts = counted(exchange.connection)
            self.assertEqual(counts["bytes_out"], len(sent))

    def test_the_bytes_that_the_socket_does_not_take_go_to_the_transport(self):
        message = bytes(range(256)) * 2**14
        for filled in (0, 2**20):
            exchange = self.opened()
            with contextlib.suppress(BlockingIOError):
                for _ in range(filled >> 10):
                    exchange.outbox._socket.send(b"x" * 2**10)
            exchange.outbox.cork()
            exchange.send_message("before")
            exchange.send_message(message)
            exchange.outbox.uncork()
            taken = self.read().lstrip(b"x")
            self.assertEqual(bool(taken), not filled)
            told = Connection(client=True, max_size=None).receive(taken + exchange.writes[0])
            self.assertEqual(told, ["before", message])
            self.assertEqual((exchange.writes[1:], exchange.outbox.take()), ([], b""))

    def test_while_the_socket_may_not_be_used_it_is_copied(self):
        for corked in (False, True):
            exchange = self.opened()
            exchange.outbox._transport.disconnecting = True
            self.assertEqual(self.send(exchange, self.MESSAGES, corked), b"")
            told = Connection(client=True).receive(b"".join(exchange.writes))
            self.assertEqual(told, list(self.MESSAGES))

    def test_while_the_transport_is_full_it_waits(self):
        exchange = self.opened()
        exchange.outbox.paused = True
        outlet, kept = type(exchange.outbox), []
        outlet._keep_waiting = lambda _, frame: kept.append(frame)
        self.addCleanup(delattr, outlet, "_keep_waiting")
        exchange.send_message(b"b" * 32_768)
        self.assertEqual((self.read(), exchange.writes), (b"", []))
        self.assertEqual(Connection(client=True).receive(kept[0]), [b"b" * 32_768])

    def test_a_client_masks_it(self):
        exchange = self.opened(client=True)
        sent = self.send(exchange, self.MESSAGES, corked=True)
        self.assertEqual(Connection(client=False).receive(sent), list(self.MESSAGES))


@in_c
class CompressedInCTests(CompressedTests):
    Example = IN_C


@in_c
class SendWhereReadyInCTests(SendWhereReadyTests):
    Example = IN_C
    send_where_ready = load() and staticmethod(load().send_where_ready)

    def test_wrong_arguments_are_an_error(self):
        handle = self.opened().handle
        self.assertRaises(TypeError, self.send_where_ready, [handle], b"a", True)
        self.assertRaises(TypeError, self.send_where_ready, [handle], None, True, 1)
        self.assertRaises(TypeError, self.send_where_ready, [handle], b"a", True, None)
        self.assertRaises(TypeError, self.send_where_ready, None, b"a", True, 1)


pieces = st.one_of(
    st.text(max_size=200).map(frame),
    st.binary(max_size=200).map(lambda payload: frame(payload, BINARY)),
    st.binary(max_size=200).map(lambda payload: deflated(payload, BINARY)),
    st.text(max_size=200).map(lambda text: deflated(text.encode())),
    st.sampled_from([deflated(b"\xff"), frame(b"\xff", rsv1=True)]),
    st.sampled_from([frame(b"", PING), frame("a", fin=False), frame("b", 0), frame(b"\xff")]),
    st.binary(max_size=3),
)


@in_c
class TwinsTests(TestCase):
    @same_each_time
    @given(
        st.lists(pieces, max_size=12),
        st.lists(st.integers(0, 400)),
        st.integers(0, 12),
        st.sampled_from([None, Deflate()]),
    )
    def test_they_do_the_same(self, parts, cuts, shut_at, deflate):
        data = b"".join(parts)
        ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
        outcomes = []
        for example in (ReceiveTests.Example, IN_C):
            exchange = example(client=False, max_size=100, deflate=deflate)

            def answer(message, exchange=exchange):
                if len(exchange.told) == shut_at:
                    exchange.stop()
                exchange.send_message(message)
                if len(message) % 5 == 4:
                    raise ValueError(message)

            exchange.answer = answer
            for start, end in zip([0, *ends], ends, strict=False):
                exchange.data_received(data[start:end])
            counts = counted(exchange.connection)
            failed = list(map(str, exchange.failed))
            outcomes.append((exchange.told, exchange.writes, failed, counts))
        self.assertEqual(*outcomes)
