"""Modes of `twistd ws` make factories, and services that start and stop with the server."""

from twisted.internet.defer import Deferred, fail
from twisted.logger import formatEvent

from tests.command.test_modes import ModesTestCase
from txws2._command import places
from txws2._command.modes.mode import Making, Mode
from txws2._command.modes.static import Static
from txws2._command.modes.table import MODES
from txws2._command.option import Option
from txws2._command.services import TwistdServices
from txws2._command.tap_options import settings_of
from txws2.tap import Options


class MoreModesTests(ModesTestCase):
    """A mode that another module adds."""

    class Handler:
        subprotocols = ("binary",)
        started = False
        serve = None

        async def __call__(self, ws):
            await self.serve

        def setServiceParent(self, parent):
            parent.services.append(self)

        def privilegedStartService(self):
            pass

        def startService(self):
            self.started = True

        def stopService(self):
            self.started = False

    def making(self, *arguments):
        options = self.make_options(*arguments)
        return Making(options, settings_of(options), self.reactor, ".")

    def make_options(self, *arguments):
        options = Options()
        options.parseOptions(arguments)
        return options

    def test_a_handler_s_subprotocols_are_the_factory_s(self):
        factory = self.making().factory(self.Handler())
        self.assertEqual(factory.subprotocols, ("binary",))

    def test_unless_the_command_line_has_others(self):
        factory = self.making("--subprotocol=base64").factory(self.Handler())
        self.assertEqual(factory.subprotocols, ["base64"])

    def start_service(self, *arguments):
        """Start a server with a handler that is a service; return the handler."""
        made = []

        class More(Mode):
            option = MODES[1].option

            def make(more, what, making):
                made.append(self.Handler())
                return making.factory(made[0])

        self.patch(places, "MODES", (More(),))
        self.start(*arguments)
        self.assertIsInstance(self.service, TwistdServices)
        return made[0]

    def test_a_handler_that_is_a_service_starts_and_stops_with_the_server(self):
        handler = self.start_service()
        self.assertTrue(handler.started)
        self.service.stopService()
        self.assertFalse(handler.started)

    def test_it_stops_after_the_connections_that_drain(self):
        handler = self.start_service("--drain=none")
        handler.serve = Deferred()
        self.assertOpens("/")
        stopping = self.service.stopService()
        self.assertTrue(handler.started)
        self.assertNoResult(stopping)
        handler.serve.callback(None)
        self.joined.pump()
        self.joined.client.transport.abortConnection()
        self.joined.pump()
        self.assertFalse(handler.started)
        self.assertIsNone(self.successResultOf(stopping))

    def test_a_service_that_fails_to_stop_is_told_and_the_others_stop(self):
        handler = self.start_service()
        error = OSError("the disk is full")
        self.patch(handler, "stopService", lambda: fail(error))
        stopping = self.service.stopService()
        self.assertIsNone(self.successResultOf(stopping))
        [event] = self.take_loud()
        self.assertEqual(formatEvent(event), "a service has failed to stop: Handler")
        self.assertIs(event["log_failure"].value, error)

    def test_so_is_one_that_raises(self):
        handler = self.start_service()
        self.patch(handler, "stopService", lambda: 1 / 0)
        self.assertIsNone(self.successResultOf(self.service.stopService()))
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_mode_says_how_it_is_made(self):
        self.assertRaises(NotImplementedError, Mode().make, "", None)
        sites = [mode.option.name for mode in MODES if mode.site]
        pages = [mode.option.name for mode in MODES if mode.page]
        self.assertEqual(
            (sites, pages), (["static", "wsgi", "web"], ["status", "healthz", "metrics"])
        )
        self.assertIsInstance(Static.option, Option)
