"""Each `send` returns a Deferred of its own, whatever was made of those before."""

import gc
from weakref import ref

from twisted.internet.defer import Deferred

from tests.support.sides import ClientSide, ServerSide
from tests.support.ways import OverTLS
from txws2._deferreds.lean import Done


class Large:
    """An object that a test waits for to be freed."""


class SentTests:
    """Tests for either side."""

    def setUp(self):
        super().setUp()
        self.open()

    def assertAsNew(self, deferred):
        """Fail unless a Deferred has fired with None, and nobody has made anything of it."""
        self.assertNotIn("mark", vars(deferred))
        self.assertEqual((deferred.called, deferred.paused), (True, 0))
        self.assertIsNone(self.successResultOf(deferred))

    def test_those_that_are_kept_are_different(self):
        kept = [self.ws.send("a") for _ in range(3)]
        self.assertEqual(len(set(map(id, kept))), 3)

    def test_results_of_callbacks_stay_with_their_own(self):
        first = self.ws.send("a").addCallback(lambda _: "b")
        self.assertAsNew(self.ws.send("a"))
        self.assertEqual(self.successResultOf(first), "b")

    def test_a_callback_that_waits_holds_up_no_other(self):
        later = Deferred()
        self.ws.send("a").addCallback(lambda _: later)
        self.assertAsNew(self.ws.send("a"))
        later.callback("b")
        self.assertAsNew(self.ws.send("a"))

    def test_one_that_is_paused_and_dropped_pauses_no_other(self):
        self.ws.send("a").pause()
        self.assertAsNew(self.ws.send("a"))

    def test_attributes_stay_with_their_own(self):
        self.ws.send("a").mark = "mine"
        self.assertAsNew(self.ws.send("a"))
        vars(self.ws.send("a"))["mark"] = "mine"
        self.assertAsNew(self.ws.send("a"))

    def test_other_results_stay_with_their_own(self):
        self.ws.send("a").result = "mine"
        self.assertAsNew(self.ws.send("a"))

    def test_one_that_was_awaited_can_be_awaited_again(self):
        async def wait():
            sent = self.ws.send("a")
            return [await sent, await sent, await self.ws.send("b"), await sent]

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(wait())), [None] * 4)

    def test_an_iterator_of_one_is_no_other_s(self):
        steps = [iter(self.ws.send("a")) for _ in range(2)]
        for step in steps:
            with self.assertRaises(StopIteration) as caught:
                next(step)
            self.assertIsNone(caught.exception.value)

    def test_the_result_that_a_callback_has_made_is_freed_with_it(self):
        large = Large()
        alive = ref(large)
        self.ws.send("a").addCallback(lambda _, large=large: large)
        del large
        gc.collect()
        self.assertIsNone(alive())

    def test_an_attribute_is_freed_with_it(self):
        large = Large()
        alive = ref(large)
        self.ws.send("a").mark = large
        del large
        gc.collect()
        self.assertIsNone(alive())

    def test_an_error_of_a_callback_is_logged_when_it_is_dropped(self):
        self.ws.send("a").addCallback(lambda _: 1 // 0)
        gc.collect()
        self.assertTrue(self.take_loud())
        self.flushLoggedErrors(ZeroDivisionError)

    def test_a_weak_reference_to_one_refers_to_no_other(self):
        sent = self.ws.send("a")
        gone = ref(sent)
        del sent
        other = self.ws.send("a")
        gc.collect()
        self.assertIsNot(gone(), other)

    def test_it_is_a_deferred(self):
        self.assertIsInstance(self.ws.send("a"), (Done, Deferred))


class ServerSentTests(SentTests, ServerSide):
    pass


class ClientSentTests(SentTests, ClientSide):
    pass


class TLSServerSentTests(OverTLS, SentTests, ServerSide):
    pass
