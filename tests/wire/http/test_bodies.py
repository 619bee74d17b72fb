from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.wire.http.bodies import MAX_BODY_SIZE, BodyReader
from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Response
from txws2.wire.http.readers import MAX_LINE_SIZE


def reader(status=400, **headers):
    made = Headers()
    for name, value in headers.items():
        made.addRawHeader(name.replace("_", "-"), value)
    return BodyReader(Response(status, "No", made))


def read(data, parts=None, **headers):
    """Return the body that a reader has after these bytes, and whether it is complete."""
    body = reader(**headers)
    for part in [data] if parts is None else parts:
        body.receive(part)
    return body.body, body.complete


class BodyTestCase(TestCase):
    def reads(self, data, expected, **headers):
        """The body is the same for all ways in which it arrives."""
        self.assertEqual(read(data, **headers), expected)
        parts = [data[at : at + 1] for at in range(len(data))]
        self.assertEqual(read(data, parts, **headers), expected)


class UntilTheEndTests(BodyTestCase):
    def test_without_a_length_all_is_body(self):
        self.reads(b"all of it\n", (b"all of it\n", False))

    def test_a_length_that_is_none_is_ignored(self):
        for length in ("", "-5", "5, 5", "0x5", "five", "+5"):
            self.reads(b"all of it", (b"all of it", False), Content_Length=length)


class LengthTests(BodyTestCase):
    def test_the_body_is_as_long_as_was_said(self):
        self.reads(b"five!more", (b"five!", True), Content_Length="5")

    def test_until_then_it_is_not_complete(self):
        self.reads(b"four", (b"four", False), Content_Length="5")

    def test_nothing_is_complete_at_once(self):
        self.assertTrue(reader(Content_Length="0").complete)
        self.reads(b"more", (b"", True), Content_Length="0")

    def test_some_is_not(self):
        self.assertFalse(reader(Content_Length="1").complete)

    def test_digits_of_other_scripts_are_no_length(self):
        self.reads(b"all of it", (b"all of it", False), Content_Length="\u0663")

    def test_a_length_of_very_many_digits_is_no_error(self):
        self.reads(b"some", (b"some", False), Content_Length="9" * 5000)


class NoBodyTests(BodyTestCase):
    def test_some_statuses_have_none(self):
        for status in (100, 101, 199, 204, 304):
            expected = (b"", True)
            self.assertTrue(reader(status).complete)
            self.reads(b"what", expected, status=status)
            self.reads(b"what", expected, status=status, Content_Length="4")
            self.reads(b"4\r\nwhat", expected, status=status, Transfer_Encoding="chunked")

    def test_all_others_may_have_one(self):
        for status in (200, 203, 205, 303, 305, 400, 500):
            self.reads(b"what", (b"what", False), status=status)


class ChunkedTests(BodyTestCase):
    def reads_chunks(self, data, expected):
        self.reads(data, expected, Transfer_Encoding="chunked")

    def test_chunks_are_put_together(self):
        data = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        self.reads_chunks(data, (b"abcde", True))

    def test_it_is_complete_at_the_last_chunk(self):
        self.reads_chunks(b"3\r\nabc\r\n", (b"abc", False))
        self.reads_chunks(b"3\r\nabc\r\n0\r\n", (b"abc", True))

    def test_a_chunk_may_be_there_in_part(self):
        self.reads_chunks(b"3\r\nab", (b"ab", False))

    def test_sizes_are_hexadecimal(self):
        self.reads_chunks(b"0A\r\n0123456789\r\n0\r\n", (b"0123456789", True))
        self.reads_chunks(b"a \r\n0123456789\r\n0\r\n", (b"0123456789", True))

    def test_extensions_and_trailers_are_ignored(self):
        self.reads_chunks(b'1;x="y"\r\na\r\n0;z\r\nX: y\r\n\r\n', (b"a", True))

    def test_the_coding_is_in_any_case(self):
        self.reads(b"1\r\na\r\n0\r\n", (b"a", True), Transfer_Encoding="Chunked")

    def test_it_counts_more_than_a_length(self):
        headers = {"Transfer_Encoding": "chunked", "Content_Length": "1"}
        self.reads(b"2\r\nab\r\n0\r\n", (b"ab", True), **headers)

    def test_a_malformed_chunk_ends_it(self):
        for size in (b"x", b"-1", b"1.5", b"g0", b"\xff", b"1 1"):
            data = b"1\r\na\r\n" + size + b"\r\nmore"
            self.reads_chunks(data, (b"a", True))

    def test_a_size_is_hexadecimal_digits_and_nothing_else(self):
        for size in (b"+1", b"0x1", b"0_1"):
            self.reads_chunks(size + b"\r\na\r\n", (b"", True))

    def test_nothing_is_read_after_the_end(self):
        self.reads_chunks(b"0\r\n1\r\na\r\n", (b"", True))

    def test_the_line_with_the_size_is_as_long_as_a_header_line_at_most(self):
        line = b"1;" + b"x" * (MAX_LINE_SIZE - 2)
        self.reads_chunks(line, (b"", False))
        self.reads_chunks(line + b"\na", (b"a", False))
        self.reads_chunks(line + b"x", (b"", True))
        self.reads_chunks(line + b"x\na", (b"", True))


class MaxBodySizeTests(BodyTestCase):
    def test_it_is_a_mebibyte(self):
        self.assertEqual(MAX_BODY_SIZE, 2**20)

    def test_a_body_as_large_is_complete(self):
        for headers in ({}, {"Content_Length": str(2**20)}, {"Content_Length": str(2**30)}):
            self.assertEqual(read(bytes(2**20), **headers), (bytes(2**20), True))

    def test_one_byte_less_is_not(self):
        for headers in ({}, {"Content_Length": str(2**20)}):
            data = bytes(2**20 - 1)
            self.assertEqual(read(data, **headers), (data, False))

    def test_the_rest_is_not_kept(self):
        halves = [bytes(2**19), bytes(2**19 - 1), b"end", b"more"]
        expected = (bytes(2**20 - 1) + b"e", True)
        self.assertEqual(read(None, halves), expected)

    def test_the_rest_of_a_chunk_is_not_kept(self):
        data = b"fffff\r\n" + bytes(0xFFFFF) + b"\r\n2\r\nxy\r\n0\r\n"
        self.assertEqual(read(data, Transfer_Encoding="chunked"), (bytes(2**20 - 1) + b"x", True))


class AnyBytesTests(BodyTestCase):
    lines = st.lists(st.sampled_from([b"\r\n", b"\n", b"0", b"1", b"a", b";", b"-", b"\xff"]))

    @same_each_time
    @given(lines.map(b"".join))
    def test_chunks_are_the_same_however_they_arrive(self, data):
        self.reads(data, read(data, Transfer_Encoding="chunked"), Transfer_Encoding="chunked")

    @same_each_time
    @given(st.binary(), st.text())
    def test_any_length_may_be_said(self, data, length):
        self.reads(data, read(data, Content_Length=length), Content_Length=length)

    @same_each_time
    @given(st.lists(st.binary(min_size=1)))
    def test_a_chunked_body_is_read(self, chunks):
        data = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
        self.reads(data + b"0\r\n\r\n", (b"".join(chunks), True), Transfer_Encoding="chunked")


class EndTests(TestCase):
    """Another response can follow a body that has an end of its own."""

    def read(self, data, **headers):
        """Feed a body at once and byte by byte; return each reader, and the bytes left over."""
        for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
            response = Response(407, "No")
            for name, value in headers.items():
                response.headers.addRawHeader(name.replace("_", "-"), value)
            reader, rest = BodyReader(response), b""
            for piece in pieces:
                reader.receive(piece)
                rest += reader.rest
            yield reader, rest

    def test_a_length_is_one(self):
        for reader, rest in self.read(b"abcHTTP", Content_Length="3"):
            self.assertTrue(reader.ended and reader.can_end)
            self.assertEqual(rest, b"HTTP")
        for reader, rest in self.read(b"HTTP", Content_Length="0"):
            self.assertTrue(reader.ended)
            self.assertEqual(rest, b"HTTP")

    def test_the_last_chunk_is_one_with_the_trailer_behind_it(self):
        for trailer in (b"\r\n", b"X: y\r\nZ: 1\r\n\r\n"):
            data = b"3\r\nabc\r\n0\r\n" + trailer
            for reader, rest in self.read(data + b"HTTP", Transfer_Encoding="chunked"):
                self.assertTrue(reader.ended)
                self.assertEqual((reader.body, rest), (b"abc", b"HTTP"))
            for reader, _ in self.read(data[:-2], Transfer_Encoding="chunked"):
                self.assertTrue(reader.complete and reader.can_end)
                self.assertFalse(reader.ended)

    def test_malformed_chunks_have_none(self):
        endless = b"0\r\n" + b"x" * 9000 + b"\r\n\r\n"
        for data in (b"x\r\n\r\n", endless):
            for reader, _ in self.read(data, Transfer_Encoding="chunked"):
                self.assertTrue(reader.complete)
                self.assertFalse(reader.ended or reader.can_end)

    def test_the_end_of_the_connection_is_none(self):
        for reader, _ in self.read(b"abc"):
            self.assertFalse(reader.complete or reader.can_end)
