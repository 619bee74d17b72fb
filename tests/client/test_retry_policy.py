"""Failures that may pass, failures that may not, and Retry-After."""

import os
import time
from email.utils import formatdate

from hypothesis import given
from hypothesis.strategies import floats, text
from OpenSSL import SSL
from twisted.internet import defer, error
from twisted.trial.unittest import SynchronousTestCase

from txws2.client.retry_policy import (
    ended_in_trouble,
    process_exception,
    raise_unless_retried,
    retry_after,
)
from txws2.exceptions import (
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidMessage,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
    OpeningTimeout,
    PayloadTooBig,
    ProtocolError,
    ProxyError,
    SecurityError,
    UnreachableThroughProxy,
)
from txws2.wire.closing import Close
from txws2.wire.http.heads import Headers, Response

PASSING = (408, 425, 429, 500, 502, 503, 504, *range(520, 531))

NOW = 1_000_000_000.0


def status(code, **headers):
    lines = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return InvalidStatus(Response(code, "", Headers(lines)))


def proxy_status(code, **headers):
    return InvalidProxyStatus("http://p:3128", status(code, **headers).response)


def caused_by(exc, cause):
    exc.__cause__ = cause
    return exc


class ProcessExceptionTests(SynchronousTestCase):
    def test_an_error_of_the_network_may_pass(self):
        for exc in (
            error.ConnectionRefusedError(),
            error.NoRouteError(),
            error.TimeoutError(),
            error.DNSLookupError(),
            error.ConnectionLost(),
            error.ConnectionDone(),
            ConnectionClosedError(None, None),
            FileNotFoundError(),
        ):
            self.assertIsNone(process_exception(exc), exc)

    def test_a_file_that_cannot_be_read_is_for_somebody_to_look_at(self):
        exc = FileNotFoundError(2, "No such file or directory", "/nowhere.pem")
        self.assertIs(process_exception(exc), exc)

    def test_timeouts_of_any_kind_may_pass(self):
        for exc in OpeningTimeout(), TimeoutError(), defer.TimeoutError():
            self.assertIsNone(process_exception(exc), exc)

    def test_a_server_that_hangs_up_without_a_word_may_come_back(self):
        lost = caused_by(InvalidMessage(""), error.ConnectionLost())
        self.assertIsNone(process_exception(lost))

    def test_a_server_that_speaks_otherwise_will_not(self):
        for exc in InvalidMessage(""), caused_by(InvalidMessage(""), ValueError()):
            self.assertIs(process_exception(exc), exc)

    def test_a_failure_of_the_network_in_tls_or_at_a_proxy_is_tried_again(self):
        for exc in (
            caused_by(SecurityError(""), error.ConnectionLost()),
            caused_by(ProxyError(""), error.ConnectionRefusedError()),
            caused_by(ProxyError(""), error.ConnectionDone()),
            caused_by(ProxyError(""), caused_by(SecurityError(""), error.ConnectionLost())),
            UnreachableThroughProxy(""),
        ):
            self.assertIsNone(process_exception(exc), exc)

    def test_a_proxy_in_trouble_may_recover(self):
        for code in PASSING:
            self.assertIsNone(process_exception(proxy_status(code)), code)

    def test_a_proxy_that_refuses_will_refuse_again(self):
        for exc in (
            *map(proxy_status, (401, 403, 407)),
            # The connection may end after the refusal.
            caused_by(proxy_status(407), error.ConnectionDone()),
            ProxyError(""),
            caused_by(ProxyError(""), InvalidMessage("")),
            caused_by(ProxyError(""), caused_by(SecurityError(""), SSL.Error())),
            InvalidProxy("", ""),
        ):
            self.assertIs(process_exception(exc), exc)

    def test_a_server_in_trouble_may_recover(self):
        for code in PASSING:
            self.assertIsNone(process_exception(status(code)), code)

    def test_a_server_that_refuses_will_refuse_again(self):
        for code in 200, 301, 400, 401, 403, 404, 407, 426, 501, 505, 519, 531, 599:
            exc = status(code)
            self.assertIs(process_exception(exc), exc)

    def test_all_else_is_for_somebody_to_look_at(self):
        for exc in (
            SecurityError(""),
            NegotiationError(""),
            InvalidURI("", ""),
            ValueError(),
            caused_by(SecurityError(""), SSL.Error()),
        ):
            self.assertIs(process_exception(exc), exc)


class EndTests(SynchronousTestCase):
    def closed(self, rcvd, sent, rcvd_then_sent=None, cause=None):
        closes = [code and Close(code) for code in (rcvd, sent)]
        return caused_by(ConnectionClosedError(*closes, rcvd_then_sent), cause)

    def test_a_code_of_the_peer_that_says_that_something_is_wrong_is_trouble(self):
        for sent, rcvd_then_sent in (None, None), (4004, True):
            self.assertTrue(ended_in_trouble(self.closed(4004, sent, rcvd_then_sent)))

    def test_such_a_code_that_crossed_our_close_is_trouble(self):
        self.assertTrue(ended_in_trouble(self.closed(4004, 1000, False)))

    def test_an_answer_to_ours_is_none(self):
        self.assertFalse(ended_in_trouble(self.closed(4000, 4000, False)))
        self.assertFalse(ended_in_trouble(self.closed(1000, 4000, False)))

    def test_a_code_that_the_peer_may_not_send_is_trouble(self):
        for cause in ProtocolError(""), PayloadTooBig(2, 1):
            for rcvd in None, 1002:
                self.assertTrue(ended_in_trouble(self.closed(rcvd, 1002, False, cause)))

    def test_a_connection_that_was_lost_or_closed_in_due_form_is_none(self):
        self.assertFalse(ended_in_trouble(self.closed(None, None, cause=error.ConnectionLost())))
        self.assertFalse(ended_in_trouble(self.closed(None, 1011, cause=TimeoutError())))
        self.assertFalse(ended_in_trouble(self.closed(None, 4000)))
        self.assertFalse(ended_in_trouble(ConnectionClosedOK(Close(1001), Close(1001), True)))


class VerdictTests(SynchronousTestCase):
    def test_none_is_to_try_again(self):
        raise_unless_retried(lambda exc: None, ValueError())

    def test_the_exception_is_raised_as_it_is_and_another_one_has_it_for_its_cause(self):
        exc, other = ValueError(), KeyError()
        self.assertIs(self.assertRaises(ValueError, raise_unless_retried, lambda _: exc, exc), exc)
        raised = self.assertRaises(KeyError, raise_unless_retried, lambda _: other, exc)
        self.assertIs(raised.__cause__, exc)

    def test_an_exception_that_ends_it_says_so_once(self):
        exc = status(404)
        for _ in range(2):
            self.assertRaises(InvalidStatus, raise_unless_retried, process_exception, exc)
        [note] = exc.__notes__
        self.assertIn("doesn't try again", note)
        self.assertIn("docs/howto/reconnecting.rst", note)

    def test_one_that_it_replaces_gets_no_note(self):
        exc, other = status(404), KeyError()
        self.assertRaises(KeyError, raise_unless_retried, lambda _: other, exc)
        self.assertTrue(other.__notes__)
        self.assertFalse(hasattr(exc, "__notes__"))

    def test_a_mistake_in_the_arguments_has_no_note_about_trying_again(self):
        exc = ValueError()
        self.assertRaises(ValueError, raise_unless_retried, process_exception, exc, mistaken=True)
        self.assertFalse(hasattr(exc, "__notes__"))

    def test_an_ambiguous_verdict_is_a_mistake(self):
        async def later(exc):
            return None

        for mistake in (lambda exc: True), (lambda exc: False), later:
            exc = ValueError()
            raised = self.assertRaises(TypeError, raise_unless_retried, mistake, exc)
            self.assertIn("must return None to try again, or the exception to raise", str(raised))
            self.assertIs(raised.__cause__, exc)


class RetryAfterTests(SynchronousTestCase):
    def seconds(self, value):
        return retry_after(status(503, Retry_After=value), NOW)

    def test_it_may_be_seconds(self):
        self.assertEqual(self.seconds("120"), 120)
        self.assertEqual(self.seconds("0"), 0)

    def test_it_may_be_a_date(self):
        self.assertEqual(self.seconds(formatdate(NOW + 60, usegmt=True)), 60)

    def test_a_date_without_a_zone_is_gmt_wherever_we_are(self):
        def restore():
            if before is None:
                del os.environ["TZ"]
            else:
                os.environ["TZ"] = before
            time.tzset()

        before = os.environ.get("TZ")
        self.addCleanup(restore)
        for zone in "America/New_York", "Asia/Kolkata", "UTC", "XYZ+5", "ABC-5:30":
            os.environ["TZ"] = zone
            time.tzset()
            for date in time.asctime(time.gmtime(NOW + 60)), formatdate(NOW + 60):
                self.assertEqual(self.seconds(date), 60, (zone, date))

    def test_a_date_that_has_passed_is_now(self):
        self.assertEqual(self.seconds(formatdate(NOW - 60, usegmt=True)), 0)

    def test_it_may_be_the_proxy_that_says_it(self):
        self.assertEqual(retry_after(proxy_status(503, Retry_After="120"), NOW), 120)

    def test_an_hour_is_the_longest(self):
        for value in "3601", "9" * 5000, formatdate(NOW + 1e6, usegmt=True):
            self.assertEqual(self.seconds(value), 3600)

    def test_a_malformed_value_does_not_count(self):
        for value in "", "soon", "-5", "1.5", "٣", "Mon, 99 Nov 9999 00:00:00 GMT":
            self.assertEqual(self.seconds(value), 0, value)

    def test_a_server_may_say_nothing(self):
        self.assertEqual(retry_after(status(503), NOW), 0)
        self.assertEqual(retry_after(error.ConnectionLost(), NOW), 0)

    def test_two_of_them_do_not_count(self):
        exc = InvalidStatus(Response(503, "", Headers({"Retry-After": ["5", "5"]})))
        self.assertEqual(retry_after(exc, NOW), 0)

    @given(text(), floats(0, 1e12))
    def test_it_is_never_too_long_nor_an_error(self, value, now):
        self.assertTrue(0 <= retry_after(status(503, Retry_After=value), now) <= 3600)
