"""Large reads from a target that go to the client without a copy."""

from unittest.mock import Mock

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.transport.test_socket_writer import Transport
from txws2._transport.outbox import Outbox
from txws2._transport.socket_writer import WriteThrough
from txws2._transport.view_reader import ViewReader
from txws2.forward import in_place
from txws2.forward.in_place import LARGEST, InPlace, goes_as_it_is
from txws2.wire.connection import Connection
from txws2.wire.frames import encode_frame
from txws2.wire.permessage_deflate import Deflate

BINARY = 2
SIZE = 300 * 1024


class Driver:
    """The parts of a driver that are used; it is its own handle."""

    turns = None

    def __init__(self, transport=None, **options):
        self.transport = transport or Transport()
        self.connection = Connection(client=False, **options)
        self.outbox = WriteThrough(self.transport, 2**20)


class InPlaceTestCase(SynchronousTestCase):
    def setUp(self):
        self.patch(in_place, "driver_of", lambda driver: driver)
        # Nobody ends the readers here.
        self.patch(ViewReader, "_count", 0)

    def make(self, **options):
        self.driver = Driver(**options)
        self.others = []
        return InPlace(Mock(), self.driver, self.others.append)

    @property
    def sent(self):
        return self.driver.transport.socket.sent


class SendingTests(InPlaceTestCase):
    def test_a_large_read_leaves_in_messages_of_the_largest_size(self):
        data = bytes(range(256)) * (SIZE // 256)
        self.make().take(memoryview(data))
        frames = (
            encode_frame(BINARY, data[start : start + LARGEST], masked=False)
            for start in range(0, SIZE, LARGEST)
        )
        self.assertEqual(self.sent, b"".join(frames))
        self.assertEqual((self.driver.transport.socket.calls, self.others), (1, []))

    def test_the_messages_and_their_bytes_are_counted(self):
        self.make().take(memoryview(bytes(SIZE)))
        connection = self.driver.connection
        self.assertEqual(connection.frames_out[BINARY], 3)
        self.assertEqual(connection.payload_out, SIZE)
        self.assertEqual(connection.bytes_out, len(self.sent))

    def test_a_small_read_is_a_copy(self):
        self.make().take(memoryview(bytearray(b"abc")))
        self.assertEqual((self.others, self.sent), ([b"abc"], b""))

    def assertNotSent(self, reader):
        before = self.driver.connection.payload_out
        reader.take(memoryview(bytes(SIZE)))
        self.assertEqual([len(each) // 1024 for each in self.others], [120, 120, 60])
        self.assertEqual((self.sent, self.driver.connection.payload_out), (b"", before))

    def test_nothing_is_sent_behind_a_close_frame(self):
        reader = self.make()
        self.driver.connection.send_close(1000)
        self.assertNotSent(reader)

    def test_nothing_is_sent_amid_a_fragmented_message(self):
        reader = self.make()
        self.driver.connection.send_fragment(b"part", last=False)
        self.assertNotSent(reader)

    def test_messages_that_have_turns_wait_for_theirs(self):
        reader = self.make()
        self.driver.turns = Mock()
        self.assertNotSent(reader)

    def test_a_traced_connection_makes_whole_frames(self):
        self.assertNotSent(self.make(trace=Mock()))

    def test_the_room_is_that_of_the_client_s_socket(self):
        reader = self.make()
        self.patch(in_place, "room_in", {self.driver.transport.socket: 42}.get)
        self.assertEqual(reader.room(), 42)


class ChoiceTests(InPlaceTestCase):
    def test_plain_messages_over_tcp_go_as_they_are(self):
        self.assertTrue(goes_as_it_is(Driver()))

    def test_compressed_ones_do_not(self):
        self.assertFalse(goes_as_it_is(Driver(deflate=Deflate())))

    def test_those_over_another_transport_do_not(self):
        driver = Driver()
        driver.outbox = Outbox(StringTransport(), None)
        self.assertFalse(goes_as_it_is(driver))
