"""`run` checks its main function, and says which targets need a port."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase as TestCase

import txws2
from txws2.server.main_function import check_program, explain_reactor


class Echo(txws2.WebSocketServerProtocol):
    pass


async def echo(ws):
    pass


async def main(reactor):
    pass


async def nothing():
    pass


def generator(reactor):
    yield


class ProgramTests(TestCase):
    def told(self, target, serves=False):
        return str(self.assertRaises(TypeError, check_program, target, serves))

    def test_a_function_of_the_reactor_is_taken(self):
        for target in (main, print, lambda *arguments: main(*arguments)):
            check_program(target, False)

    def test_an_application_that_serves_connections_needs_a_port(self):
        for target, name in (
            (echo, "run(echo) needs a port to serve at, as run(echo, 'localhost', 8765); "),
            (Echo, "run(Echo) needs a port to serve at, as run(Echo, "),
            (txws2.WebSocketServerFactory(reactor=Clock()), "run(...) needs a port to serve at"),
            (txws2.route({"/": echo}), "run(...) needs a port to serve at"),
        ):
            self.assertIn(name, self.told(target))
        self.assertIn("this one takes 'ws', a connection", self.told(echo))
        self.assertIn("needs a port", self.told(object(), True))

    def test_the_error_for_a_coroutine_says_to_give_the_function(self):
        told = self.told(nothing())
        self.assertIn("it was given nothing(), a coroutine: write run(nothing)", told)

    def test_the_error_for_a_function_without_parameters_says_to_take_the_reactor(self):
        told = "run() calls nothing() with the reactor, and can't: too many positional arguments; "
        self.assertEqual(self.told(nothing), f"{told}write: async def nothing(reactor)")

    def test_the_error_for_any_other_object_shows_it(self):
        text = "the target of run() without a port must be a function; it is 5"
        self.assertIn(text, self.told(5))
        self.assertIn("generator() is a generator function", self.told(generator))


class ReactorTests(TestCase):
    """A function with one parameter of any other name is called with the reactor."""

    def explained(self, function):
        reactor = Clock()
        try:
            function(reactor)
        except Exception as exc:
            explain_reactor(exc, echo, reactor)
            return str(exc)

    def test_the_error_says_that_the_reactor_was_taken_for_a_connection(self):
        advice = ": it is the reactor; run(echo) needs a port to serve at, as run(echo, 'localhost'"
        self.assertIn(f"'recv'{advice}", self.explained(lambda peer: peer.recv()))

        def iterate(peer):
            coroutine = self.iterate(peer)
            coroutine.send(None)

        self.assertIn(f"got Clock{advice}", self.explained(iterate))

    async def iterate(self, peer):
        async for _ in peer:
            pass

    def test_other_errors_are_as_they_were(self):
        for function in (
            lambda reactor: reactor.callLatre(),
            lambda reactor: self.recv(),
            lambda reactor: 1 + "1",
            lambda reactor: 1 / 0,
        ):
            self.assertNotIn("needs a port", self.explained(function))
