"""The life of a connection, and what becomes of its messages: each has its table."""

from unittest.mock import Mock

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import ClientSide, ServerSide
from txws2._connection.handle import driver_of
from txws2._connection.inbox import Inbox
from txws2._connection.phases import (
    CLOSING,
    CONNECTING,
    DELIVERIES,
    DELIVERING,
    DISCARDING,
    GONE,
    HELD,
    INBOX_STATES,
    NEW,
    OPEN,
    PHASES,
    REFUSING,
    SETTLED,
    STATES,
    Delivery,
    InboxState,
    Phase,
)
from txws2.client.driver import ClientDriver
from txws2.server.driver import ServerDriver


class TablesTests(SynchronousTestCase):
    def test_they_have_every_phase_and_every_delivery(self):
        self.assertEqual(list(PHASES), list(Phase))
        self.assertEqual(list(STATES), list(Phase))
        self.assertEqual(list(DELIVERIES), list(Delivery))

    def test_a_life_only_goes_on_and_every_phase_can_be_reached(self):
        for phase, following in PHASES.items():
            self.assertTrue(all(after > phase for after in following), phase)
        self.assertEqual({NEW}.union(*PHASES.values()), set(Phase))

    def test_the_state_that_is_seen_only_goes_on_too(self):
        for phase, following in PHASES.items():
            for after in following:
                self.assertLessEqual(STATES[phase], STATES[after])

    def test_a_transition_that_the_table_lacks_is_refused(self):
        for kind in (ServerDriver, ClientDriver):
            for before in Phase:
                for after in set(Phase) - set(PHASES[before]):
                    driver = kind()
                    driver.phase = before
                    self.assertRaises(RuntimeError, driver.change_phase, after)
                    self.assertIs(driver.phase, before)
            for before in Delivery:
                for after in set(Delivery) - set(DELIVERIES[before]):
                    driver = kind()
                    driver.delivery = before
                    self.assertRaises(RuntimeError, driver.change_delivery, after)
                    self.assertIs(driver.delivery, before)


class InboxStatesTests(SynchronousTestCase):
    def inbox(self, state):
        inbox = Inbox(Mock(held=False), 2)
        inbox._state = state
        return inbox

    def test_the_table_has_every_state_and_each_only_goes_on(self):
        self.assertEqual(list(INBOX_STATES), list(InboxState))
        for state, following in INBOX_STATES.items():
            self.assertTrue(all(after > state for after in following), state)

    def test_a_transition_that_the_table_lacks_is_refused(self):
        for before in InboxState:
            for after in set(InboxState) - set(INBOX_STATES[before]):
                inbox = self.inbox(before)
                self.assertRaises(RuntimeError, inbox._change, after)
                self.assertIs(inbox._state, before)

    def test_one_that_is_full_stays_so_until_the_end(self):
        inbox = self.inbox(InboxState.TAKING)
        for message in "ab":
            inbox.put(message)
        inbox.wake()
        inbox.discard_when_full()
        self.assertIs(inbox._state, InboxState.LAST)
        inbox.put("c")
        inbox.discard_when_full()
        self.assertIs(inbox._state, InboxState.FULL)
        self.assertEqual(self.successResultOf(inbox.get(None)), "a")
        inbox.put("d")
        self.assertEqual(inbox.waiting, 1)
        inbox.close(Exception)
        self.assertIs(inbox._state, InboxState.FINAL)


class PhasesTests:
    def phase(self):
        return driver_of(self.ws).phase

    def delivery(self):
        return driver_of(self.ws).delivery

    def test_a_connection_that_opens_and_closes_goes_through_all_its_phases(self):
        self.connect()
        self.assertIs(driver_of(self.factory.buildProtocol(None)).phase, NEW)
        self.assertIs(self.phase(), CONNECTING)
        self.open_peer()
        self.assertIs(self.phase(), OPEN)
        self.ws.close()
        self.assertIs(self.phase(), CLOSING)
        self.joined.drop()
        self.assertIs(self.phase(), GONE)

    def test_a_connection_whose_peer_breaks_the_protocol_is_settled_before_it_is_gone(self):
        self.open()
        # So the end of the transport doesn't come at once.
        self.theirs.frozen = True
        self.ws.dataReceived(b"\xff\xff")
        self.assertIs(self.phase(), SETTLED)
        self.theirs.frozen = False
        self.joined.drop()
        self.assertIs(self.phase(), GONE)

    def test_a_connection_that_never_opens_is_gone_after_connecting(self):
        self.connect()
        self.joined.drop()
        self.assertIs(self.phase(), GONE)

    def test_the_handshake_is_dropped_when_it_is_done(self):
        self.connect()
        driver = driver_of(self.ws)
        self.assertIsNotNone(driver.handshake)
        self.open_peer()
        self.assertIsNone(driver.handshake)
        self.connect()
        driver = driver_of(self.ws)
        self.joined.drop()
        self.assertIsNone(driver.handshake)

    def test_nothing_refers_to_the_application_when_all_is_over(self):
        for opens in (True, False):
            self.connect()
            if opens:
                self.open_peer()
            driver = driver_of(self.ws)
            self.assertIs(driver.application, self.ws)
            self.joined.drop()
            self.assertIsNone(driver.application)
            self.assertIsNone(driver.receiver)

    def test_the_delivery_of_messages_changes_with_pauses_and_the_end(self):
        self.open()
        self.assertIs(self.delivery(), DELIVERING)
        self.ws.pauseProducing()
        self.assertIs(self.delivery(), HELD)
        self.ws.resumeProducing()
        self.assertIs(self.delivery(), DELIVERING)
        self.joined.drop()
        self.assertIs(self.delivery(), DISCARDING)


class ServerPhasesTests(PhasesTests, ServerSide):
    def test_a_refused_connection_goes_through_refusing(self):
        self.connect()
        self.theirs.frozen = True
        self.ws.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        self.assertIs(self.phase(), REFUSING)
        self.joined.drop()
        self.assertIs(self.phase(), GONE)


class ClientPhasesTests(PhasesTests, ClientSide):
    def test_a_refused_client_is_refusing_until_its_transport_ends(self):
        ws = self.make_factory(None).buildProtocol(None)
        ws.makeConnection(StringTransport())
        ws.dataReceived(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.assertIs(driver_of(ws).phase, REFUSING)
