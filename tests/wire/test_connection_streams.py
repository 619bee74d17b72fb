from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from tests.wire.both_ends import bytewise
from txws2.wire.connection import Connection
from txws2.wire.events import Failed
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, encode_frame
from txws2.wire.masking import apply_mask


class AnyStreamTests(TestCase):
    """Whatever is sent is received, however it is cut into fragments and into reads."""

    kinds = st.one_of(st.text(max_size=300), st.binary(max_size=300))
    cuts = st.lists(st.integers(0, 2000))

    def fragments(self, message, cuts, *, masked):
        opcode, data = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
        places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        for number, (start, end) in enumerate(pairwise(places)):
            fin = number == len(places) - 2
            yield encode_frame(
                opcode if not number else CONT, data[start:end], masked=masked, fin=fin
            )

    @same_each_time
    @given(
        st.lists(st.tuples(kinds, st.lists(st.integers(0, 2000), max_size=4))), cuts, st.booleans()
    )
    def test_what_is_sent_is_received(self, messages, cuts, client):
        stream = b"".join(
            part
            for message, places in messages
            for part in self.fragments(message, places, masked=not client)
        )
        places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
        receiver = Connection(client=client)
        events = []
        for start, end in pairwise(places):
            events += receiver.receive(stream[start:end])
        self.assertEqual(events, [message for message, _ in messages])

    @same_each_time
    @given(st.lists(kinds, max_size=5), st.booleans())
    def test_two_connections_understand_each_other(self, messages, client):
        sender, receiver = Connection(client=not client), Connection(client=client)
        stream = b"".join(sender.send_message(message) for message in messages)
        events = [event for byte in bytewise(stream) for event in receiver.receive(byte)]
        self.assertEqual(events, messages)


class AnyBytesTests(TestCase):
    """Whatever comes, receive doesn't raise, and nothing follows the event that ends it all."""

    def encoded(self, opcode, payload, fin, client):
        """As encode_frame, but with the same mask in every run."""
        data = encode_frame(opcode, payload, masked=False, fin=fin)
        if client:
            return data
        key = b"\x37\xfa\x21\x3d"
        return bytes([data[0], 0x80 | data[1]]) + key + apply_mask(payload, key)

    def take(self, data, client):
        whole, apart = Connection(client=client), Connection(client=client)
        events = whole.receive(data)
        pieces = [event for byte in bytewise(data) for event in apart.receive(byte)]
        self.assertEqual([type(event) for event in events], [type(event) for event in pieces])
        self.assertFalse(any(isinstance(event, Failed) for event in events[:-1]))

    @same_each_time
    @given(st.binary(max_size=300), st.booleans())
    def test_rubbish(self, data, client):
        self.take(data, client)

    opcodes = st.sampled_from([TEXT, BINARY, CONT, PING, PONG, CLOSE])
    frames = st.lists(st.tuples(opcodes, st.binary(max_size=125), st.booleans()), min_size=1)
    changes = st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 255)), max_size=3)

    @same_each_time
    @given(frames, changes, st.booleans())
    def test_frames_with_a_few_bytes_changed(self, frames, changes, client):
        stream = bytearray()
        for opcode, payload, fin in frames:
            stream += self.encoded(opcode, payload, fin or opcode >= CLOSE, client)
        for place, byte in changes:
            stream[place % len(stream)] = byte
        self.take(bytes(stream), client)
