"""The budget of compression's memory, of a factory and of its connections."""

from tests.support.memory import traced
from tests.support.sides import ClientSide, QuietTestCase, ServerSide
from txws2._connection.factory import ConnectionFactory
from txws2.wire.compression_budget import CompressionBudget
from txws2.wire.connection import Connection
from txws2.wire.permessage_deflate import PRESETS, Deflate
from txws2.wire.shared_message import SharedMessage

AGREED = Deflate(server_window_bits=12, client_window_bits=12)
LIMIT = 2**20
COUNT = 200


def pairs(budget, count=COUNT, deflate=AGREED):
    """Make connections, each with the peer's end, which has a budget of its own."""
    options = {"deflate": deflate, "compression": PRESETS["balanced"]}
    for number in range(count):
        ours = Connection(client=number % 2 == 0, budget=budget, **options)
        yield ours, Connection(client=number % 2 == 1, **options)


def text(number):
    return f"{number} " * 120


class ManyConnectionsTests(QuietTestCase):
    """Attack 34: many connections, each with a compressed message."""

    def echo(self, ours, theirs, message):
        """Have our end echo a message; return the size of our frame."""
        self.assertEqual(ours.receive(theirs.send_message(message)), [message])
        frame = ours.send_message(message)
        self.assertEqual(theirs.receive(frame), [message])
        return len(frame)

    def test_they_hold_no_more_than_the_budget_and_their_peers_notice_nothing(self):
        budget = CompressionBudget(LIMIT)
        both = list(pairs(budget))
        for turn in range(3):
            for number, (ours, theirs) in enumerate(both):
                self.echo(ours, theirs, text(turn * number))
                self.assertLessEqual(budget.held, LIMIT)

    def test_windows_take_little_besides(self):
        budget = CompressionBudget(LIMIT)
        both = [(ours, theirs.send_message(text(9))) for ours, theirs in pairs(budget)]
        with traced() as memory:
            for ours, frame in both:
                ours.receive(frame)
                ours.send_message(text(9))
            held, _ = memory()
        self.assertLess(held, LIMIT + COUNT * 4000)

    def test_messages_of_a_busy_connection_stay_as_small(self):
        sizes = []
        for limit in (None, LIMIT):
            both = list(pairs(CompressionBudget(limit)))
            hot = both.pop()
            sizes.append([])
            for number, pair in enumerate(both):
                self.echo(*pair, text(number))
                sizes[-1].append(self.echo(*hot, text(number)))
        self.assertEqual(*sizes)

    def test_those_that_end_give_all_back_at_once(self):
        budget = CompressionBudget(LIMIT)
        both = list(pairs(budget, 3))
        for ours, theirs in both:
            self.echo(ours, theirs, text(1))
            ours.receive(theirs.send_fragment(text(2), last=False))
            ours.send_fragment(text(3), last=False)
        self.assertGreater(budget.held, 0)
        for ours, _ in both:
            ours.connection_lost(None)
        self.assertEqual(budget.held, 0)

    def test_unfinished_messages_go_on(self):
        budget = CompressionBudget(LIMIT)
        both = list(pairs(budget, 40))
        for ours, theirs in both:
            self.assertEqual(ours.receive(theirs.send_fragment("a" * 500, last=False)), [])
            theirs.receive(ours.send_fragment("b" * 500, last=False))
        self.assertLessEqual(budget.held, LIMIT)
        for ours, theirs in both:
            [message] = ours.receive(theirs.send_fragment("a", last=True))
            self.assertEqual(message, "a" * 501)
            [message] = theirs.receive(ours.send_fragment("b", last=True))
            self.assertEqual(message, "b" * 501)

    def test_a_message_for_many_takes_nothing_of_the_budget(self):
        budget = CompressionBudget(LIMIT)
        shared = SharedMessage(text(1))
        for ours, theirs in list(pairs(budget, 10))[1::2]:
            self.echo(ours, theirs, text(1))
            before = budget.held
            self.assertEqual(theirs.receive(ours.send_shared(shared)), [text(1)])
            self.assertLess(budget.held, before)
            self.echo(ours, theirs, text(1))

    def test_without_takeover_they_hold_nothing(self):
        budget = CompressionBudget(LIMIT)
        for ours, theirs in pairs(budget, 3, Deflate(False, False, 12, 12)):
            self.echo(ours, theirs, text(1))
            self.assertEqual(budget.held, 0)


class OptionTests(QuietTestCase):
    def test_each_factory_has_a_budget_of_its_own(self):
        first, second = ConnectionFactory(), ConnectionFactory(compression_memory=None)
        self.assertIsNot(first.compression_budget, second.compression_budget)
        self.assertIsNone(second.compression_budget.limit)

    def test_a_wrong_number_of_bytes_is_refused(self):
        for wrong, error in (("64MiB", TypeError), (-1, ValueError), (1.5, TypeError)):
            exc = self.assertRaises(error, ConnectionFactory, compression_memory=wrong)
            self.assertIn("compression_memory must be ", str(exc))

    def test_both_sides_have_it(self):
        both = self.join(compression_memory=12345)
        for ws in (both.server, both.client):
            self.assertEqual(ws.factory.compression_budget.limit, 12345)


class OneSideTests:
    def test_a_connection_takes_its_memory_from_its_factory_s_budget(self):
        both = self.join()
        ws, peer = self.ends(both)
        budget = ws.factory.compression_budget
        self.assertEqual(budget.held, 0)
        ws.sendMessage(text(1))
        sent = budget.held
        self.assertGreater(sent, 0)
        peer.sendMessage(text(1))
        both.pump()
        self.assertGreater(budget.held, sent)
        ws.close()
        both.advance(1)
        self.assertEqual(budget.held, 0)

    def test_one_that_vanishes_gives_it_back(self):
        both = self.join()
        ws, _ = self.ends(both)
        ws.sendMessage(text(1))
        both.drop()
        self.assertEqual(ws.factory.compression_budget.held, 0)

    def test_at_rest_both_directions_give_it_back(self):
        both = self.join()
        ws, peer = self.ends(both)
        for _ in range(2):
            ws.sendMessage(text(1))
            peer.sendMessage(text(2))
            both.pump()
            self.assertEqual(self.successResultOf(ws.recv()), text(2))
            self.assertEqual(self.successResultOf(peer.recv()), text(1))
            self.assertGreater(ws.factory.compression_budget.held, 0)
            both.advance(41)
            self.assertEqual(ws.factory.compression_budget.held, 0)


class ServerTests(OneSideTests, ServerSide):
    def ends(self, both):
        return both.server, both.client


class ClientTests(OneSideTests, ClientSide):
    def ends(self, both):
        return both.client, both.server
