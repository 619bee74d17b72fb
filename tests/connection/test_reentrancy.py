"""Python code runs within the accelerator, and uses the same connection."""

import contextlib
import gc
import sys
from functools import partial
from itertools import product

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.exchanges import exchange_of
from tests.support.implementations import counts_references
from tests.support.sides import TEXT, ClientSide, ServerSide
from tests.support.twins import in_c, load
from txws2.client.protocol import WebSocketClientProtocol
from txws2.server.factory import WebSocketServerProtocol
from txws2.testing.recorder import frames_in
from txws2.wire.connection import Connection
from txws2.wire.frames import encode_frame
from txws2.wire.permessage_deflate import Deflate

SMALL, LARGE = "x", "y" * 70_000


def freeze():
    """Let the garbage collector skip objects older than the test, since it is called many times.

    They stay frozen, as unfreezing would also affect the objects that `tests/conftest.py` froze.
    """
    gc.collect()
    gc.freeze()


def corrupt(name, *values):
    """Return an action that sets an attribute to each of these values in turn."""
    values = list(values)

    def action(exchange):
        value = values.pop(0)
        values.append(value)
        setattr(exchange, name, value)

    return action


def collect(exchange):
    gc.collect()


def detach(exchange):
    for name in ("connection", "outbox", "turns", "receiver"):
        setattr(exchange, name, None)
    gc.collect()


def delete(exchange):
    for name in ("connection", "outbox", "turns", "receiver"):
        delattr(exchange, name)


def shrink(exchange):
    outbox = exchange.outbox
    if outbox is not None:
        outbox.flush()
        outbox.take()


def pause(exchange):
    if exchange.outbox is not None:
        exchange.outbox.paused = not exchange.outbox.paused


# Most of them leave the connection in no state that makes sense. It need not work then, but it must
# behave as Python code does: raise exceptions, and not crash.
ACTIONS = {
    "send": lambda exchange: exchange.send_message(SMALL),
    "send much": lambda exchange: exchange.send_message(LARGE),
    "receive": lambda exchange: exchange.data_received(b"\x81\x01"),
    "shrink": shrink,
    "pause": pause,
    "shut": lambda exchange: exchange.stop(),
    "collect": collect,
    "detach": detach,
    "delete": delete,
    "set outbox": corrupt("outbox", 7, None, {}),
    "set connection": corrupt("connection", 7, None, {}),
    "set turns": corrupt("turns", 7, None),
    "set receiver": corrupt("receiver", 7, None),
    "hold": lambda exchange: setattr(exchange, "holds", True),
}


class Adversary:
    """Acts at each opportunity, except for those during its own acts."""

    def __init__(self, exchange, action):
        self.exchange, self.action = exchange, action
        self.acts = False
        self.count = 0

    def act(self, *_):
        if not self.acts and self.count < 50:
            self.acts = True
            self.count += 1
            with contextlib.suppress(Exception):
                self.action(self.exchange)
            self.acts = False


class Acting:
    """Has all special methods that C calls; the adversary acts in each."""

    def __init__(self, adversary, value=0):
        self.__dict__["adversary"], self.__dict__["value"] = adversary, value

    def __bool__(self):
        self.adversary.act()
        return bool(self.value)

    def __index__(self):
        self.adversary.act()
        return self.value

    def __iter__(self):
        for each in self.value:
            self.adversary.act()
            yield each

    def __getattr__(self, name):
        self.adversary.act()
        if name == "fileno":
            return self.__index__
        return False


class Cyclic:
    """Lets the adversary act when the garbage collector collects it."""

    def __init__(self, adversary):
        self.adversary, self.cycle = adversary, self

    def __del__(self):
        self.adversary.act()


class Compressing(Connection):
    """A connection whose compressing and inflating let the adversary act."""

    __slots__ = ("act",)

    def deflate(self, payload):
        self.act()
        return bytearray(super().deflate(payload))

    def inflate_part(self, part, before, last):
        self.act()
        return super().inflate_part(part, before, last)


def drop(adversary, message):
    Cyclic(adversary)


@in_c
class ReentrancyTests(TestCase):
    """Attack 32."""

    def setUp(self):
        freeze()
        self.Example = exchange_of(load().Exchange, load().Cork, load().Handle)

    def each(self, **options):
        """Yield a new exchange for each action, with its adversary."""
        for action, client in product(ACTIONS.values(), (False, True)):
            exchange = self.Example(client=client, **options)
            exchange.client, exchange.first_outbox = client, exchange.outbox
            yield exchange, Adversary(exchange, action)

    def use(self, exchange):
        """Read and send through all paths of the accelerator; it may fail, but not crash."""
        masked = not exchange.client
        data = b"".join(
            [
                encode_frame(1, b"a", masked=masked),
                encode_frame(1, b"\xff", masked=masked),
                encode_frame(2, bytes(300), masked=masked),
                encode_frame(2, b"\x4a\x04\x00", masked=masked, rsv1=True),
            ]
        )
        outbox, handle = exchange.first_outbox, exchange.handle
        for use in (
            lambda: handle.dataReceived(data),
            lambda: exchange.data_received(bytearray(data)),
            lambda: handle.sendMessage(SMALL),
            lambda: exchange.send_message("€" * 1000),
            lambda: exchange.send_message(LARGE),
            lambda: load().send_where_ready([exchange.handle] * 3, b"\x81\x00", True, 0),
            outbox.uncork,
            outbox.flush,
        ):
            with contextlib.suppress(Exception):
                use()

    def test_a_hook_may_do_anything(self):
        for exchange, adversary in self.each():
            exchange.answer = adversary.act
            exchange.message_failed = adversary.act
            exchange.receive = adversary.act
            exchange.send_otherwise = adversary.act
            exchange.outbox._transmit = adversary.act
            exchange.outbox._keep_waiting = adversary.act
            exchange.outbox._put_off = adversary.act
            self.use(exchange)
            self.assertGreater(adversary.count, 0)

    def test_any_call_may_do_anything(self):
        # A signal handler may do so, between any two steps of Python code.
        for exchange, adversary in self.each():
            exchange.outbox.corked = True
            sys.setprofile(adversary.act)
            try:
                self.use(exchange)
            finally:
                sys.setprofile(None)
            self.assertGreater(adversary.count, 0)

    def test_a_finalizer_may_do_anything(self):
        threshold = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *threshold)
        for exchange, adversary in self.each():
            exchange.answer = partial(drop, adversary)
            exchange.outbox.corked = True
            gc.set_threshold(1)
            self.use(exchange)
            gc.set_threshold(*threshold)
            gc.collect()
            self.assertGreater(adversary.count, 0)

    def test_an_attribute_may_do_anything(self):
        for exchange, adversary in self.each():
            outbox = exchange.outbox
            exchange.connection.max_size = Acting(adversary, 1000)
            outbox._waiting = Acting(adversary)
            outbox._transport = Acting(adversary)
            outbox._socket = Acting(adversary, -1)
            outbox._readers = Acting(adversary)
            self.use(exchange)
            self.assertGreater(adversary.count, 0)

    def test_a_compressor_may_do_anything(self):
        for exchange, adversary in self.each(deflate=Deflate()):
            compressing = Compressing(client=exchange.client, deflate=Deflate())
            compressing.act = adversary.act
            exchange.connection = compressing
            exchange.outbox.corked = True
            self.use(exchange)
            self.assertGreater(adversary.count, 0)

    def test_an_iterable_may_do_anything(self):
        for exchange, adversary in self.each():
            everybody = Acting(adversary, [exchange.handle] * 3)
            with contextlib.suppress(Exception):
                load().send_where_ready(everybody, b"\x81\x00", True, 0)
                decoder = load().Decoder()
                decoder.max_size = decoder.max_fragments = Acting(adversary, 9)
                decoder.decode(bytes(9), Acting(adversary), [])
            self.assertGreater(adversary.count, 0)

    def test_a_message_sent_while_a_frame_is_masked_leaves_whole(self):
        exchange = self.Example(client=True)
        adversary = Adversary(exchange, ACTIONS["send much"])
        exchange.outbox.corked = True
        sys.setprofile(adversary.act)
        try:
            for _ in range(9):
                exchange.send_message(SMALL)
        finally:
            sys.setprofile(None)
        exchange.outbox.uncork()
        sent = [frame.payload.decode() for frame in frames_in(b"".join(exchange.writes))]
        self.assertEqual(sent.count(SMALL), 9)
        self.assertEqual(sent.count(LARGE), adversary.count)
        self.assertGreater(adversary.count, 0)


class FinalizerTests:
    def setUp(self):
        super().setUp()
        freeze()

    @counts_references
    def test_messages_that_finalizers_send_leave_whole(self):
        class Sends:
            def __init__(self, ws):
                self.ws, self.cycle = ws, self

            def __del__(self):
                self.ws.sendMessage("finalized" * 100)

        class Forgetful(self.protocol):
            def messageReceived(self, message):
                for _ in range(3):
                    Sends(self)
                    self.sendMessage(message)

        threshold = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *threshold)
        self.open(Forgetful)
        gc.set_threshold(1)
        self.hear(*[(TEXT, b"x" * size) for size in range(0, 300, 3)])
        gc.set_threshold(*threshold)
        gc.collect()
        self.assertEqual(
            {payload.strip(b"x") for _, payload in self.said()}, {b"", b"finalized" * 100}
        )

    def test_a_subclass_may_have_an_attribute_that_is_called__held(self):
        class Mine(self.protocol):
            def connectionMade(self):
                self._held = {}

            def messageReceived(self, message):
                self._held[message] = True
                self.dataReceived(frame)
                self.sendMessage(message)

        ws = self.open(Mine)
        frame = self.frame(0x9, b"meanwhile")
        self.hear((TEXT, b"a"), (TEXT, b"b"))
        self.assertEqual(ws._held, {"a": True, "b": True})
        self.assertEqual([payload for _, payload in self.said()], [b"a", b"b"] + [b"meanwhile"] * 2)


class ServerFinalizerTests(FinalizerTests, ServerSide):
    protocol = WebSocketServerProtocol


class ClientFinalizerTests(FinalizerTests, ClientSide):
    protocol = WebSocketClientProtocol
