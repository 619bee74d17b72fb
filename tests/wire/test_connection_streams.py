from itertools import count

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.both_ends import bytewise
from tests.support.strategies import agreements, cuts, fragmented, frames, messages, pieces, wishes
from tests.wire import same_each_time
from txws2.wire.connection import Connection
from txws2.wire.events import Failed, Ping
from txws2.wire.frames import BINARY, CLOSE, CONT, TEXT, encode_frame
from txws2.wire.http.grammar import parse_extensions
from txws2.wire.masking import apply_mask
from txws2.wire.permessage_deflate import (
    Deflate,
    PerMessageDeflate,
    accept_offer,
    check_answer,
    make_offers,
)


def heard(receiver, stream, cuts):
    """Return the events that a receiver makes of a stream that arrives in pieces."""
    return [event for piece in pieces(stream, cuts) for event in receiver.receive(piece)]


class AnyStreamTests(TestCase):
    """All messages are received as they were sent, for any fragments and any reads."""

    def fragments(self, message, cuts, *, masked):
        opcode, data = (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)
        parts = pieces(data, cuts)
        for number, part in enumerate(parts):
            fin = number == len(parts) - 1
            yield encode_frame(opcode if not number else CONT, part, masked=masked, fin=fin)

    @same_each_time
    @given(fragmented, cuts, st.booleans())
    def test_sent_messages_are_received(self, sent, reads, client):
        stream = b"".join(
            frame
            for message, places in sent
            for frame in self.fragments(message, places, masked=not client)
        )
        events = heard(Connection(client=client), stream, reads)
        self.assertEqual(events, [message for message, _ in sent])

    @same_each_time
    @given(fragmented, cuts, st.booleans(), agreements)
    def test_messages_sent_in_fragments_are_received(self, sent, reads, client, deflate):
        sender = Connection(client=not client, deflate=deflate)
        stream = b""
        expected = []
        numbers = count()
        for message, places in sent:
            *parts, last = pieces(message, places)
            for part in parts:
                # Section 5.4: control frames may come between the fragments.
                expected.append(Ping(str(next(numbers)).encode()))
                stream += sender.send_fragment(part, last=False)
                stream += sender.send_ping(expected[-1].payload)
            stream += sender.send_fragment(last, last=True)
            expected.append(message)
        receiver = Connection(client=client, deflate=deflate)
        self.assertEqual(heard(receiver, stream, reads), expected)

    @same_each_time
    @given(st.lists(messages, max_size=5), st.booleans())
    def test_two_connections_understand_each_other(self, sent, client):
        sender, receiver = Connection(client=not client), Connection(client=client)
        stream = b"".join(sender.send_message(message) for message in sent)
        events = [event for byte in bytewise(stream) for event in receiver.receive(byte)]
        self.assertEqual(events, sent)


class AnyAgreementTests(TestCase):
    """Two sides may want any options: the agreed ones work for both."""

    parts = st.one_of(st.binary(max_size=60), st.binary(min_size=200, max_size=600))
    messages = st.lists(st.lists(parts, min_size=1, max_size=3), max_size=5)

    def agreed(self, ours, theirs):
        """Return the agreement of a client with these options, and a server with those."""
        at_server, answer = accept_offer(parse_extensions(make_offers(ours)), theirs)
        return check_answer(parse_extensions([answer]), ours), at_server

    def by_hand(self, messages, deflate, wish, client):
        """The frames of messages in fragments, each of them compressed."""
        deflater = deflate.deflater(wish, client=client)
        for parts in messages:
            for number, part in enumerate(parts):
                last = number == len(parts) - 1
                payload = deflater.compress(part, last)
                opcode = CONT if number else BINARY
                yield encode_frame(opcode, payload, masked=client, fin=last, rsv1=not number)

    def whole(self, messages, deflate, wish, client):
        """The frames of messages, each compressed if it is large."""
        sender = Connection(client=client, deflate=deflate, compression=wish)
        for parts in messages:
            yield sender.send_message(b"".join(parts))
            sender.rest()

    @same_each_time
    @given(wishes, wishes, messages, cuts)
    def test_each_side_understands_the_other(self, ours, theirs, messages, reads):
        at_client, at_server = self.agreed(ours, theirs)
        expected = [b"".join(parts) for parts in messages]
        sides = (True, at_client, ours, at_server), (False, at_server, theirs, at_client)
        for client, deflate, wish, peer_s in sides:
            for said in (self.by_hand, self.whole):
                stream = b"".join(said(messages, deflate, wish, client))
                receiver = Connection(client=not client, deflate=peer_s)
                self.assertEqual(heard(receiver, stream, reads), expected)

    @same_each_time
    @given(wishes, wishes)
    def test_each_side_asks_no_more_of_the_other_than_was_agreed(self, ours, theirs):
        at_client, at_server = self.agreed(ours, theirs)
        self.assertLessEqual(at_client.client_window_bits, at_server.client_window_bits)
        self.assertEqual(at_client.server_window_bits, at_server.server_window_bits)
        self.assertEqual(at_client.server_takeover, at_server.server_takeover)
        self.assertLessEqual(at_client.client_takeover, at_server.client_takeover)


class AnyBytesTests(TestCase):
    """Any bytes may come: receive raises nothing, and no event follows the one that ends it all."""

    def encoded(self, opcode, payload, fin, client, rsv1=False):
        """Encode a frame as encode_frame does, but with the same mask in every run."""
        data = encode_frame(opcode, payload, masked=False, fin=fin, rsv1=rsv1)
        if client:
            return data
        key = b"\x37\xfa\x21\x3d"
        return bytes([data[0], 0x80 | data[1]]) + key + apply_mask(payload, key)

    def take(self, data, client, deflate=None):
        def connection():
            return Connection(client=client, max_size=1000, deflate=deflate)

        whole, apart = connection(), connection()
        events = whole.receive(data)
        pieces = [event for byte in bytewise(data) for event in apart.receive(byte)]
        self.assertEqual([type(event) for event in events], [type(event) for event in pieces])
        self.assertFalse(any(isinstance(event, Failed) for event in events[:-1]))

    @same_each_time
    @given(st.binary(max_size=300), st.booleans(), agreements)
    def test_rubbish(self, data, client, deflate):
        self.take(data, client, deflate)

    @same_each_time
    @given(st.binary(max_size=120), st.booleans(), agreements)
    def test_rubbish_in_a_compressed_frame(self, data, client, deflate):
        self.take(self.encoded(TEXT, data, True, client, rsv1=True), client, deflate)

    changes = st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 255)), max_size=3)

    def changed(self, stream, changes):
        stream = bytearray(stream)
        for place, byte in changes:
            stream[place % len(stream)] = byte
        return bytes(stream)

    @same_each_time
    @given(frames, changes, st.booleans(), agreements)
    def test_frames_with_a_few_bytes_changed(self, frames, changes, client, deflate):
        stream = b"".join(
            self.encoded(opcode, payload, fin or opcode >= CLOSE, client)
            for opcode, payload, fin in frames
        )
        self.take(self.changed(stream, changes), client, deflate)

    messages = st.lists(
        st.lists(st.binary(max_size=60), min_size=1, max_size=3), min_size=1, max_size=5
    )

    @same_each_time
    @given(messages, changes, st.booleans(), st.sampled_from([TEXT, BINARY]))
    def test_compressed_frames_with_a_few_bytes_changed(self, messages, changes, client, opcode):
        deflater = Deflate().deflater(PerMessageDeflate(), client=not client)
        stream = b""
        for parts in messages:
            for number, part in enumerate(parts):
                last = number == len(parts) - 1
                payload = deflater.compress(part, last)
                kind = CONT if number else opcode
                stream += self.encoded(kind, payload, last, client, rsv1=not number)
        self.take(self.changed(stream, changes), client, Deflate())
