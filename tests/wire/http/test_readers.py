from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.heads import REQUEST, RESPONSE, ReaderTestCase, headers_of
from tests.support.twins import in_c, pure
from txws2.exceptions import (
    HeaderLineTooLong,
    InvalidMessage,
    RequestLineTooLong,
    SecurityError,
    StatusLineTooLong,
    TooManyHeaders,
)
from txws2.wire.http.heads import Request
from txws2.wire.http.readers import (
    DEFAULT_LIMITS,
    MAX_HEADERS,
    MAX_LINE_SIZE,
    HeadLimits,
    RequestReader,
    ResponseReader,
    end_of_head,
    read_request,
)


class EndOfHeadTests(TestCase):
    end_of_head = pure("end_of_head")

    def test_it_is_where_the_last_line_ends(self):
        for lines in (b"A",), (b"A", b"B: 1"), (b"A", b"B: 1", b"C: \r"):
            head = b"\r\n".join(lines)
            data = head + b"\r\n\r\nX\n\r\n\r\n"
            self.assertEqual(self.end_of_head(data, 99, 2), len(head))
            self.assertEqual(self.end_of_head(data, 2**70, 2**70), len(head))

    def test_there_is_none_before_all_of_it_is_there(self):
        data = b"A\r\nB: 1\r\n\r\n"
        for size in range(len(data)):
            self.assertEqual(self.end_of_head(data[:size], 99, 9), -1)
            self.assertEqual(self.end_of_head(data, size, 9), -1)
        self.assertEqual(self.end_of_head(data, len(data), 9), len(data) - 4)

    def test_each_line_ends_in_crlf(self):
        for data in b"A\nB\r\n\r\n", b"A\r\nB\n\r\n", b"A\n\n", b"\nA\r\n\r\n", b"A\r\n\n\r\n\r\n":
            self.assertEqual(self.end_of_head(data, 99, 9), -1, data)

    def test_the_first_line_is_not_empty(self):
        for data in b"\r\n\r\n", b"\r\nA\r\n\r\n", b"\r\n":
            self.assertEqual(self.end_of_head(data, 99, 9), -1, data)

    def test_no_more_header_lines_count_than_may(self):
        data = b"A\r\nB: 1\r\nC: 1\r\n\r\n"
        self.assertEqual(
            [self.end_of_head(data, 99, count) for count in range(4)], [-1, -1, 13, 13]
        )

    def test_its_arguments_are_bytes_and_two_numbers(self):
        head = b"A\r\n\r\n"
        for wrong in (head,), (head, 9), (head, 9, 9, 9), (head, "9", 9), (head, 9, "9"), (1, 9, 9):
            with self.assertRaises((TypeError, AttributeError)):
                self.end_of_head(*wrong)


@in_c
class EndOfHeadInCTests(EndOfHeadTests):
    end_of_head = staticmethod(end_of_head)


class ReadRequestTests(TestCase):
    read_request = pure("read_request")

    def test_a_usual_request_is_read_at_once(self):
        head = b"GET /a?b HTTP/1.1\r\nHost: h\r\nX: \xc3\xa9\r\nx: 2"
        found = "GET", "/a?b", {"host": "h", "x": ("\xe9", "2")}
        for kind in bytes, bytearray:
            read = self.read_request(kind(head + b"\r\n\r\n\x81"), 99, 9)
            self.assertEqual(read, (head, b"\x81", *found))
            self.assertEqual([type(each) for each in read[:2]], [bytes, bytes])
        self.assertEqual(self.read_request(head + b"\r\n\r\n", 99, 9), (head, b"", *found))

    def test_any_other_is_left_to_the_reader(self):
        for line in (
            b"GET / HTTP/1.0",
            b"GET / HTTP/1.2",
            b"GET / HTTP/2.1",
            b"GET /#a HTTP/1.1",
            b"GET * HTTP/1.1",
            b"GET http://h/ HTTP/1.1",
            b"GET  HTTP/1.1",
            b"GET /",
            b"",
            b"GET / HTTP/1.1\r\nA : b",
            b"GET / HTTP/1.1\nA: b",
        ):
            self.assertIsNone(self.read_request(line + b"\r\n\r\n", 99, 9), line)

    def test_a_head_beyond_the_limits_is_left_to_the_reader(self):
        data = b"GET / HTTP/1.1\r\nA: b\r\n\r\n"
        self.assertIsNotNone(self.read_request(data, len(data), 1))
        self.assertIsNone(self.read_request(data, len(data) - 1, 1))
        self.assertIsNone(self.read_request(data, len(data), 0))

    def test_its_arguments_are_bytes_and_two_numbers(self):
        head = b"A\r\n\r\n"
        for wrong in (head,), (head, 9), (head, 9, 9, 9), (head, "9", 9), (head, 9, "9"), (1, 9, 9):
            with self.assertRaises((TypeError, AttributeError)):
                self.read_request(*wrong)


@in_c
class ReadRequestInCTests(ReadRequestTests):
    read_request = staticmethod(read_request)


class RequestReaderTests(ReaderTestCase):
    def test_a_usual_request_is_read_too(self):
        data = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n\x81"
        expected = Request("/a", headers_of(("Host", "h")))
        self.assertEqual(self.reads(RequestReader, data), (expected, b"\x81"))

    def test_bytes_after_the_head_are_kept(self):
        self.assertEqual(self.reads(RequestReader, REQUEST + b"\r\n\x81")[1], b"\r\n\x81")

    def test_the_lines_are_kept_as_they_came(self):
        reader = RequestReader()
        reader.receive(REQUEST[:40])
        self.assertEqual(reader.head, b"")
        reader.receive(REQUEST[40:])
        self.assertEqual(reader.head + b"\r\n\r\n", REQUEST)

    def test_before_the_head_is_whole_nothing_follows_it(self):
        reader = RequestReader()
        reader.receive(REQUEST[:-1])
        self.assertEqual(reader.rest, b"")

    def test_nothing_is_said_until_the_head_is_whole(self):
        reader = RequestReader()
        for at in range(len(REQUEST) - 1):
            self.assertIsNone(reader.receive(REQUEST[at : at + 1]))
        self.assertIsNotNone(reader.receive(REQUEST[-1:]))
        self.assertEqual(reader.rest, b"")

    def test_one_made_of_its_head_has_the_same(self):
        reader = RequestReader()
        request = reader.receive(REQUEST)
        again = Request.received(reader.head)
        self.assertEqual(again.fields.get_all("X"), ["a", "b"])
        self.assertEqual(again, request)

    def test_tls_is_reported_at_its_first_byte(self):
        expected = (
            InvalidMessage,
            "expected a request, got TLS: connect to ws:, or serve with TLS",
        )
        for data in b"\x16\x03\x01\x02\x00\x01", b"\x16":
            self.assertEqual(self.request(data), expected)

    def test_elsewhere_that_byte_is_another_mistake(self):
        expected = (InvalidMessage, "invalid header line: b'\\x16: a'")
        self.assertEqual(self.request(b"GET / HTTP/1.1\r\n\x16: a\r\n\r\n"), expected)
        self.assertEqual(
            self.request(b"G\x16\r\n\r\n"), (InvalidMessage, "invalid request line: b'G\\x16'")
        )


class EmptyLineTests(ReaderTestCase):
    """RFC 9112 section 2.2: a server skips empty lines before the request line."""

    def test_a_few_before_the_request_line_are_skipped(self):
        for head in REQUEST, b"OPTIONS * HTTP/1.1\r\n\r\n":
            alone, rest = self.reads(RequestReader, head + b"\x81")
            for count in range(1, 5):
                data = b"\r\n" * count + head + b"\x81"
                self.assertEqual(self.reads(RequestReader, data), (alone, rest))

    def test_they_may_come_before_it_does(self):
        reader = RequestReader()
        self.assertIsNone(reader.receive(b"\r\n"))
        self.assertIsNone(reader.receive(b"\r"))
        self.assertIsNone(reader.receive(b"\n" + REQUEST[:20]))
        self.assertIsNotNone(reader.receive(REQUEST[20:]))
        self.assertEqual(reader.head + b"\r\n\r\n", REQUEST)

    def test_more_are_no_request(self):
        expected = (InvalidMessage, "invalid request line: b''")
        self.assertEqual(self.request(b"\r\n" * 5 + REQUEST), expected)
        self.assertEqual(self.request(b"\r\n" * 100_000), expected)

    def test_they_end_in_crlf_too(self):
        expected = (InvalidMessage, "a line of the head doesn't end in CRLF")
        self.assertEqual(self.request(b"\r\n\n" + REQUEST), expected)

    def test_after_one_the_byte_of_tls_is_another_mistake(self):
        self.assertIsNone(self.request(b"\r\n\x16"))
        self.assertEqual(
            self.request(b"\r\n\x16\r\n\r\n"), (InvalidMessage, "invalid request line: b'\\x16'")
        )

    def test_limits_hold_behind_them(self):
        self.assertEqual(self.request(b"\r\n" + b"x" * 8193)[0], RequestLineTooLong)

    def test_a_client_skips_none(self):
        """A response begins with its status line, and with nothing before it."""
        expected = (InvalidMessage, "invalid status line: b''")
        self.assertEqual(self.response(b"\r\n\r\n" + RESPONSE), expected)


class ResponseReaderTests(ReaderTestCase):
    def test_bytes_after_the_head_are_kept(self):
        self.assertEqual(self.reads(ResponseReader, RESPONSE + b"\x81")[1], b"\x81")


class InterimTests(ReaderTestCase):
    """RFC 9110 section 15.2."""

    def interim(self, *statuses):
        return b"".join(b"HTTP/1.1 %d x\r\nLink: <y>\r\n\r\n" % status for status in statuses)

    def test_they_are_skipped_before_an_answer_of_any_kind(self):
        for answer in RESPONSE, b"HTTP/1.1 404 No\r\n\r\n", b"HTTP/1.0 502 No\r\n\r\n":
            expected = self.reads(ResponseReader, answer + b"rest")
            for statuses in ((100,), (102, 102), (103, 100, 199)):
                data = self.interim(*statuses) + answer + b"rest"
                self.assertEqual(self.reads(ResponseReader, data), expected)

    def test_those_of_old_servers_are_skipped_too(self):
        data = b"HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 403 No\r\n\r\n"
        self.assertEqual(self.response(data).status_code, 403)

    def test_a_101_is_final_whatever_follows(self):
        response, rest = self.reads(ResponseReader, RESPONSE + self.interim(100))
        self.assertEqual((response.status_code, rest), (101, self.interim(100)))

    def test_while_they_come_nothing_follows_them(self):
        reader = ResponseReader()
        self.assertIsNone(reader.receive(self.interim(100) + b"HTTP/1.1 10"))
        self.assertEqual(reader.rest, b"")
        self.assertIsNotNone(reader.receive(RESPONSE[len(b"HTTP/1.1 10") :]))

    def test_each_is_reported_as_it_comes(self):
        skipped = []
        reader = ResponseReader(DEFAULT_LIMITS, skipped.append)
        reader.receive(self.interim(100))
        self.assertEqual(skipped, [b"HTTP/1.1 100 x\r\nLink: <y>"])
        reader.receive(self.interim(103) + RESPONSE)
        self.assertEqual(skipped[1:], [b"HTTP/1.1 103 x\r\nLink: <y>"])
        self.assertEqual(reader.head + b"\r\n\r\n", RESPONSE)

    def test_sixteen_are_skipped_and_no_more(self):
        """Attack 33."""
        self.assertEqual(self.response(self.interim(*[100] * 16) + RESPONSE).status_code, 101)
        kind, words = self.response(self.interim(*[100] * 17))
        self.assertIs(kind, SecurityError)
        self.assertIn("more than 16 interim responses", words)

    def test_interim_responses_of_64_kilobytes_are_skipped_and_no_more(self):
        """Attack 33."""
        large = b"HTTP/1.1 103 x\r\n" + (b"X: " + b"y" * 8000 + b"\r\n") * 5 + b"\r\n"
        self.assertEqual(self.response(large + RESPONSE).status_code, 101)
        self.assertIs(self.response(large * 2)[0], SecurityError)

    def test_the_limits_of_a_head_hold_for_each(self):
        fields = b"X: y\r\n" * MAX_HEADERS
        data = b"HTTP/1.1 103 x\r\n" + fields + b"\r\n"
        self.assertEqual(self.response(data + RESPONSE).status_code, 101)
        data = b"HTTP/1.1 103 x\r\n" + fields + b"X: y\r\n\r\n"
        self.assertIs(self.response(data)[0], TooManyHeaders)

    def test_one_that_is_malformed_is_refused(self):
        self.assertIs(self.response(b"HTTP/1.1 100 x\r\nno colon\r\n\r\n")[0], InvalidMessage)


class LinesTests(ReaderTestCase):
    def test_lines_must_end_in_crlf(self):
        expected = (InvalidMessage, "a line of the head doesn't end in CRLF")
        for data in (
            b"GET / HTTP/1.1\n",
            b"GET / HTTP/1.1\r\nX: a\n",
            b"GET / HTTP/1.1\r\n\n",
            b"\n",
        ):
            self.assertEqual(self.request(data), expected)
            self.assertEqual(self.response(data), expected)


class LimitsTests(ReaderTestCase):
    """Attack 6: heads with 100,000 headers, of 3 MB, or with a request line of 1 MB."""

    TOO_LONG = "a line of the head exceeds the limit of 8192 bytes (max_line_size)"

    def test_the_limits(self):
        self.assertEqual((MAX_LINE_SIZE, MAX_HEADERS), (8192, 128))

    def test_a_first_line_has_8192_bytes_at_most(self):
        path = b"/" + b"x" * (8192 - len(b"GET / HTTP/1.1\r\n"))
        self.assertEqual(self.request(b"GET %b HTTP/1.1\r\n\r\n" % path).path, path.decode())
        expected = (RequestLineTooLong, self.TOO_LONG)
        self.assertEqual(self.request(b"GET %bx HTTP/1.1\r\n\r\n" % path), expected)
        phrase = b"x" * (8192 - len(b"HTTP/1.1 200 \r\n"))
        head = self.response(b"HTTP/1.1 200 %b\r\n\r\n" % phrase)
        self.assertEqual(head.reason_phrase, phrase.decode())
        expected = (StatusLineTooLong, self.TOO_LONG)
        self.assertEqual(self.response(b"HTTP/1.1 200 %bx\r\n\r\n" % phrase), expected)

    def test_a_header_line_has_8192_bytes_at_most(self):
        line = b"X: " + b"x" * (8192 - len(b"X: \r\n"))
        for kind, start in ((RequestReader, b"GET / HTTP/1.1"), (ResponseReader, b"HTTP/1.1 200 ")):
            head, _ = self.reads(kind, start + b"\r\n" + line + b"\r\n\r\n")
            self.assertEqual(len(head.headers["X"]), 8187)
            expected = (HeaderLineTooLong, self.TOO_LONG)
            self.assertEqual(self.reads(kind, start + b"\r\n" + line + b"x\r\n\r\n")[0], expected)

    def test_a_long_line_is_refused_before_its_end_comes(self):
        for kind, start, error in (
            (RequestReader, b"", RequestLineTooLong),
            (ResponseReader, b"", StatusLineTooLong),
            (RequestReader, b"GET / HTTP/1.1\r\n", HeaderLineTooLong),
            (ResponseReader, b"HTTP/1.1 200 \r\n", HeaderLineTooLong),
        ):
            self.assertEqual(self.reads(kind, start + b"x" * 8192), (None, None))
            expected = (error, self.TOO_LONG), None
            self.assertEqual(self.reads(kind, start + b"x" * 8193), expected)

    def test_a_head_has_128_headers_at_most(self):
        head = b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 128
        self.assertEqual(len(self.request(head + b"\r\n").headers.get_all("X")), 128)
        expected = (TooManyHeaders, "the head has more than 128 headers (max_headers)")
        self.assertEqual(self.request(head + b"X: a\r\n"), expected)

    def test_three_megabytes_fail_early(self):
        """Heads of all shapes: one line, as many lines as are allowed, and more."""
        for head in (b"x" * 3_000_000, b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 750_000):
            reader = RequestReader()
            taken = 0
            with self.assertRaises((RequestLineTooLong, TooManyHeaders)):
                while taken < len(head):
                    taken += 1000
                    self.assertIsNone(reader.receive(head[taken - 1000 : taken]))
            self.assertLess(taken, 10_000)

    def test_other_limits_hold_likewise(self):
        limits = HeadLimits(line_size=40, headers=3)
        for kind, start, error in (
            (RequestReader, b"GET / HTTP/1.1\r\n", RequestLineTooLong),
            (ResponseReader, b"HTTP/1.1 200 \r\n", StatusLineTooLong),
        ):
            too_long = "a line of the head exceeds the limit of 40 bytes (max_line_size)"
            self.assertEqual(self.reads(kind, b"x" * 41, limits)[0], (error, too_long))
            line = b"X: " + b"x" * 35 + b"\r\n"
            head, _ = self.reads(kind, start + line * 3 + b"\r\n", limits)
            self.assertEqual(head.headers.get_all("X"), ["x" * 35] * 3)
            self.assertEqual(
                self.reads(kind, start + b"x" + line, limits)[0], (HeaderLineTooLong, too_long)
            )
            too_many = TooManyHeaders, "the head has more than 3 headers (max_headers)"
            self.assertEqual(self.reads(kind, start + b"X: x\r\n" * 4, limits)[0], too_many)

    def test_a_line_of_a_single_sign_on_is_read_if_it_may_be_so_long(self):
        head = b"GET / HTTP/1.1\r\nCookie: a=" + b"x" * 60_000 + b"\r\n\r\n"
        self.assertEqual(self.request(head)[0], HeaderLineTooLong)
        request = self.request(head, HeadLimits(line_size=2**16))
        self.assertEqual(len(request.cookies["a"]), 60_000)

    def test_a_head_may_have_as_many_lines_of_the_longest_as_it_may_have_headers(self):
        limits = HeadLimits(line_size=100, headers=50)
        line = b"X: " + b"y" * 95 + b"\r\n"
        for kind, first in (
            (RequestReader, b"GET / HTTP/1.1\r\n"),
            (ResponseReader, b"HTTP/1.1 200 \r\n"),
        ):
            head, _ = self.reads(kind, first + line * 50 + b"\r\n", limits)
            self.assertEqual(len(head.headers.get_all("X")), 50)
