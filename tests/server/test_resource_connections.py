"""The connections of a resource, from opening until the site stops."""

import zlib

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.support.sides import BINARY, CLOSE, PING, REQUEST, TEXT, RecordedServer, closing
from tests.support.website import PAGE, SiteTestCase, plus
from txws2 import CloseCode, ConnectionClosedError, ConnectionClosedOK, ProtocolError
from txws2.wire.frames import encode_frame


class LargeReadTests(SiteTestCase):
    def test_the_rest_of_a_read_is_inflated_when_messages_were_taken(self):
        """Attack 36."""
        self.serve()
        self.connect()
        compressor, sent = zlib.compressobj(9, zlib.DEFLATED, -15), []
        for number in range(5):
            data = compressor.compress(bytes([number]) * 2**20)
            data += compressor.flush(zlib.Z_SYNC_FLUSH)
            sent.append(encode_frame(BINARY, data[:-4], rsv1=True, masked=True))
        self.receive(plus(b"Sec-WebSocket-Extensions: permessage-deflate") + b"".join(sent))
        for number in range(5):
            self.assertEqual(self.ws.counters.payload_in, (number + 1) * 2**20)
            self.assertEqual(self.successResultOf(self.ws.recv())[:1], bytes([number]))


class DefectTests(SiteTestCase):
    """The known defects of twisted.web's own WebSockets don't occur here."""

    def test_a_producer_can_be_registered(self):
        """T4."""
        self.serve()
        self.open()
        self.ws.registerProducer(self.ws)
        self.peer.transport.pauseProducing()
        for _ in range(5):
            self.ws.sendMessage(bytes(2**15))
        self.assertTrue(self.server_end.paused)
        self.peer.transport.resumeProducing()
        self.joined.pump()
        self.assertFalse(self.server_end.paused)
        self.assertEqual(len(self.said()), 5)

    def test_the_application_gets_the_close_code_and_reason(self):
        """T7."""
        self.serve()
        self.open()
        self.hear((CLOSE, closing(4000, "bye")))
        self.assertEqual((self.ws.close_code, self.ws.close_reason), (4000, "bye"))
        [reason] = self.ws.lost
        self.assertIsInstance(reason, ConnectionClosedError)
        self.assertEqual(self.said(), [(CLOSE, closing(4000, "bye"))])

    def test_codes_that_must_not_travel_do_not(self):
        """T8."""
        self.serve()
        self.open()
        for code in (1005, 1006, 1015):
            self.assertRaises(ProtocolError, self.ws.close, code)
        self.hear((CLOSE, b""))
        self.assertEqual(self.said(), [(CLOSE, b"")])
        self.assertEqual(self.ws.close_code, CloseCode.NO_STATUS_RCVD)

    def test_an_exception_of_an_application_closes_with_1011(self):
        """T9."""

        class Broken(RecordedServer):
            def messageReceived(self, message):
                raise ZeroDivisionError

        self.serve(create_protocol=Broken)
        self.open()
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.said(), [(CLOSE, closing(1011))])
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_message_that_is_too_big_closes_with_1009(self):
        """T10."""
        self.serve()
        self.open()
        self.hear((TEXT, bytes(2**20 + 1)))
        [(opcode, payload)] = self.said()
        self.assertEqual((opcode, payload[:2]), (CLOSE, closing(1009)))

    def test_to_send_after_the_close_fails_as_it_should(self):
        """T11."""
        self.serve()
        self.open()
        self.hear((CLOSE, closing(1000)))
        self.failureResultOf(self.ws.send("late"), ConnectionClosedOK)
        self.ws.sendMessage("late")

    def test_subprotocols_compression_and_keepalive_work(self):
        """T14."""
        self.serve(subprotocols=["chat"], ping_interval=20, ping_timeout=20)
        headers = self.open(
            plus(
                b"Sec-WebSocket-Protocol: other, chat",
                b"Sec-WebSocket-Extensions: permessage-deflate",
            )
        )
        self.assertEqual(self.ws.subprotocol, "chat")
        self.assertEqual(headers["Sec-WebSocket-Protocol"], "chat")
        self.assertIn("permessage-deflate", headers["Sec-WebSocket-Extensions"])
        self.joined.advance(20)
        [(opcode, _)] = self.said()
        self.assertEqual(opcode, PING)
        self.joined.advance(20)
        self.assertEqual(self.said()[0], (CLOSE, closing(1011, "keepalive ping timeout")))

    def test_the_header_of_a_subprotocol_that_is_unknown_is_a_refusal(self):
        self.serve(subprotocols=["chat"])
        self.assertStatus("400 Bad Request", plus(b"Sec-WebSocket-Protocol: other"))
        self.assertOver()


class CloseTests(SiteTestCase):
    """T12: a server that stops says so."""

    def triggers(self):
        return self.clock.triggers.get("before", {}).get("shutdown", [])

    def test_open_connections_are_closed_with_1001(self):
        resource = self.serve()
        self.open()
        closed = resource.close()
        self.assertEqual(self.said(), [(CLOSE, closing(1001))])
        self.assertNoResult(closed)
        self.hear((CLOSE, closing(1001)))
        self.successResultOf(closed)

    def test_the_code_and_the_reason_can_be_chosen(self):
        resource = self.serve()
        self.open()
        resource.close(code=1012, reason="back soon")
        self.assertEqual(self.said(), [(CLOSE, closing(1012, "back soon"))])

    def test_requests_are_503_from_then_on_and_the_site_goes_on(self):
        resource = self.serve()
        self.successResultOf(resource.close())
        self.assertStatus("503 Service Unavailable", REQUEST)
        self.assertEqual(self.opened, [])
        self.assertOver()
        self.assertStatus("503 Service Unavailable", PAGE.replace(b"page", b"chat"))
        self.assertSiteGoesOn()

    def test_requests_that_are_not_decided_on_are_503(self):
        resource = self.serve(process_request=lambda *_: Deferred())
        self.receive(REQUEST)
        self.successResultOf(resource.close())
        self.assertEqual(self.ask(b"")[0], "503 Service Unavailable")
        self.assertOver()

    def test_the_reactor_that_stops_closes_them_and_waits(self):
        self.serve()
        self.open()
        [(shut_down, arguments, options)] = self.triggers()
        stopped = shut_down(*arguments, **options)
        self.joined.advance(0.001)
        self.assertEqual(self.said(), [(CLOSE, closing(1001))])
        self.assertNoResult(stopped)
        self.hear((CLOSE, closing(1001)))
        self.successResultOf(stopped)

    def test_the_reactor_has_no_trigger_while_there_are_no_connections(self):
        """A script (.rpy) makes a resource for each request; these must not pile up."""
        added, removed = self.watch_triggers()
        self.serve()
        self.assertStatus("426 Upgrade Required", PAGE.replace(b"page", b"chat"))
        self.assertEqual(removed, added)
        added.clear()
        removed.clear()
        self.open()
        first = self.joined
        self.connect()
        self.open()
        self.leave()
        self.assertEqual((len(added), removed), (1, []))
        first.drop()
        self.assertEqual(removed, added)
        self.connect()
        self.open()
        self.assertEqual(len(added), 2)
        self.leave()
        self.assertEqual(removed, added)

    def test_a_trigger_that_the_reactor_has_called_is_not_removed(self):
        added, removed = self.watch_triggers()
        self.serve()
        self.open()
        [(_, _, shut_down)] = added
        shut_down()
        self.leave()
        self.assertEqual(removed, [])

    def watch_triggers(self):
        """Return two lists, of the triggers that are added and removed from now on."""
        added, removed = [], []
        self.clock.addSystemEventTrigger = lambda *trigger: added.append(trigger) or trigger
        self.clock.removeSystemEventTrigger = removed.append
        return added, removed

    def test_a_clock_that_is_no_reactor_will_do(self):
        self.clock = Clock()
        self.serve()
        self.open()
        self.leave()
        self.assertEqual(len(self.ws.lost), 1)
