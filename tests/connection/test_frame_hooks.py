"""The option trace: a hook that gets each frame."""

from tests.support.sides import BINARY, CLOSE, PING, TEXT, ClientSide, ServerSide, closing
from txws2._connection.handle import driver_of
from txws2.wire.frames import CONT, PONG


class FrameHookTests:
    def watch(self, *arguments):
        self.seen.append(arguments)

    def open(self, **options):
        self.seen = []
        return super().open(**options)

    def frames(self):
        return [(sign, header.opcode, payload) for _, sign, header, payload in self.seen]

    def test_each_frame_is_shown_in_and_out(self):
        ws = self.open(trace=self.watch)
        self.hear((TEXT, b"hello"), (PING, b"1"), (TEXT, b"a", False), (CONT, b"b"))
        ws.sendMessage(b"\x00")
        self.hear((CLOSE, closing(1000)))
        expected = [
            ("<", TEXT, b"hello"),
            ("<", PING, b"1"),
            ("<", TEXT, b"a"),
            ("<", CONT, b"b"),
            (">", PONG, b"1"),
            (">", BINARY, b"\x00"),
            ("<", CLOSE, closing(1000)),
            (">", CLOSE, closing(1000)),
        ]
        self.assertEqual(self.frames(), expected)
        for connection, _, header, payload in self.seen:
            self.assertIs(connection, ws)
            self.assertEqual((header.length, header.rsv1), (len(payload), False))

    def test_the_debug_log_has_them_too(self):
        self.open(trace=self.watch, debug=True)
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.frames(), [("<", TEXT, b"hello")])
        self.assertEqual(self.events[-1]["text"], "TEXT 'hello' [5 bytes]")

    def test_one_that_raises_is_called_no_more_and_the_connection_goes_on(self):
        def broken(*arguments):
            self.watch(*arguments)
            raise ValueError("oops")

        ws = self.open(trace=broken)
        self.hear((TEXT, b"hello"), (TEXT, b"again"))
        ws.sendMessage("and out")
        self.assertEqual(self.said(), [(TEXT, b"and out")])
        self.assertEqual(len(self.seen), 1)
        self.assertEqual(self.successResultOf(ws.recv()), "hello")
        [event] = self.take_loud()
        self.assertEqual(event["connection"], ws.id)
        self.assertEqual(event["log_failure"].value.args, ("oops",))

    def test_without_it_the_fast_path_is_taken(self):
        self.assertTrue(driver_of(self.open()).connection.ordinary_in)
        self.assertFalse(driver_of(self.open(trace=self.watch)).connection.ordinary_in)


class ServerFrameHookTests(FrameHookTests, ServerSide):
    pass


class ClientFrameHookTests(FrameHookTests, ClientSide):
    pass
