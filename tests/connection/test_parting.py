"""A peer has sent its close frame and leaves TCP open: we wait no longer than a moment."""

from twisted.internet.error import ConnectionDone

from tests.support.sides import CLOSE, TEXT, ClientSide, ServerSide, closing
from tests.support.ways import (
    OverTLS,
    OverTLSThroughProxy,
    OverTLSThroughTLSProxy,
    ThroughProxy,
    ThroughSOCKS,
)
from txws2._connection import parts
from txws2._connection.handle import driver_of
from txws2._transport.progress import Progress


class LeftOpen:
    """The peer sends its close frame, and never ends TCP or TLS."""

    def hear_last(self):
        """Let the peer's close frame arrive, and nothing after it, not even the end of TLS."""
        self.peer.transport.write(self.frame(CLOSE, closing(1000)))
        self.theirs.step()
        self.theirs.frozen = True
        self.joined.pump()

    def test_it_is_closed_after_a_second_if_the_peer_began(self):
        ws = self.open()
        self.hear_last()
        self.assertPartsWithin(1)
        self.assertEqual(str(ws.lost[0]), "received 1000 (OK); then sent 1000 (OK)")

    def test_it_is_closed_a_second_after_the_answer_if_we_began(self):
        ws = self.open()
        closed = ws.close()
        self.joined.advance(5)
        self.assertEqual(ws.lost, [])
        self.hear_last()
        self.assertPartsWithin(1)
        self.successResultOf(closed)
        self.assertEqual(str(ws.lost[0]), "sent 1000 (OK); then received 1000 (OK)")

    def test_without_a_close_timeout_too(self):
        self.open(close_timeout=None)
        self.hear_last()
        self.assertPartsWithin(1)

    def test_a_close_timeout_of_less_is_kept(self):
        self.open(close_timeout=0.5)
        self.hear_last()
        self.assertPartsWithin(0.5)

    def test_bytes_that_still_leave_are_waited_for(self):
        ws = self.open(close_timeout=None)
        self.hear_last()
        left = [1000, 500, 0]
        self.patch(
            parts,
            "progress_of",
            lambda *_: Progress(left.pop(0), 0, acknowledged=5000, room=9000),
        )
        self.joined.advance(2.5)
        self.assertEqual(ws.lost, [])
        self.joined.advance(0.5)
        self.assertGone()

    def test_a_peer_that_reads_nothing_of_it_is_left_after_close_timeout(self):
        ws = self.open()
        stuck = Progress(1000, 0, acknowledged=5000, room=9000)
        self.patch(parts, "progress_of", lambda *_: stuck)
        self.hear_last()
        driver_of(ws).ending.progress = stuck
        self.joined.advance(9.5)
        self.assertEqual(ws.lost, [])
        self.joined.advance(0.5)
        self.assertGone()

    def test_messages_sent_before_arrive(self):
        self.open()
        self.ws.sendMessage("before")
        self.hear_last()
        self.assertPartsWithin(1)
        self.assertEqual(self.said(), [(TEXT, b"before"), (CLOSE, closing(1000))])

    def test_the_peer_sees_an_end_in_due_form(self):
        self.open()
        self.hear_last()
        self.assertPartsWithin(1)
        self.assertEqual([type(reason) for reason in self.peer.lost], [ConnectionDone])

    def test_a_peer_that_closes_by_itself_leaves_no_timer(self):
        self.open()
        self.hear((CLOSE, closing(1000)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertGone()

    def assertPartsWithin(self, seconds):
        """Assert that the connection is there until just before this time, and gone at it."""
        self.joined.advance(seconds - 0.25)
        self.assertEqual(self.ws.lost, [])
        self.joined.advance(0.25)
        self.assertGone()


class ClientTests(LeftOpen, ClientSide):
    pass


class ClientOverTLSTests(OverTLS, LeftOpen, ClientSide):
    pass


class ClientThroughProxyTests(ThroughProxy, LeftOpen, ClientSide):
    pass


class ClientThroughSOCKSTests(ThroughSOCKS, LeftOpen, ClientSide):
    pass


class ClientOverTLSThroughProxyTests(OverTLSThroughProxy, LeftOpen, ClientSide):
    pass


class ClientOverTLSThroughTLSProxyTests(OverTLSThroughTLSProxy, LeftOpen, ClientSide):
    pass


class ServerOverTLSTests(OverTLS, LeftOpen, ServerSide):
    """A server ends TLS, and doesn't wait for the client to end it, too."""
