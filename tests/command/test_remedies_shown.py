"""The advice in the log of `twistd ws`: options are written as on its command line."""

from twisted.internet.task import Clock

from tests.connection.test_remedies import Requests
from tests.support.tap import TapTestCase
from txws2._connection.remedies import Spelling
from txws2.server.factory import WebSocketServerFactory


class TwistdTests(Requests, TapTestCase):
    """For a command line, options are written as there."""

    def told(self, *lines, arguments=(), **options):
        self.factory = self.make(*arguments).factory
        self.ask_again(*lines, **options)
        return self.seen()

    def test_the_first_origin_takes_the_place_of_those_that_go_without_saying(self):
        self.assertEqual(
            self.told("Origin: http://localhost:5500"),
            "to accept pages from there, "
            "--origin same-origin --origin none --origin http://localhost:5500",
        )
        self.assertEqual(
            self.told("Origin: http://a.example", arguments=["--origin=http://b.example"]),
            "to accept pages from there, --origin http://a.example",
        )

    def test_a_page_from_a_file_and_a_program(self):
        self.assertIn("--origin null will do", self.told("Origin: null"))
        self.assertEqual(
            self.told(arguments=["--origin=same-origin"]), "to accept programs, --origin none"
        )

    def test_the_first_host_takes_the_place_of_the_loopback(self):
        service = self.make("--origin", "http://here.example")
        service.privilegedStartService()
        self.factory = service.factory
        self.ask_again("Host: chat.example")
        self.assertEqual(
            self.seen(),
            "to answer for it, --host localhost --host 127.0.0.0/8 --host ::1 --host here.example "
            "--host chat.example",
        )
        self.assertEqual(
            self.told("Host: chat.example", arguments=["--host=a.example"]),
            "to answer for it, --host chat.example",
        )

    def test_numbers(self):
        self.assertIn("--max-line-size 16384", self.told(f"Cookie: {'x' * 9000}"))
        self.assertIn(
            "--subprotocol has none",
            self.told("Sec-WebSocket-Protocol: secret-token", arguments=["--subprotocol=chat"]),
        )
        self.assertEqual(
            self.factory._warnings.spelling.name("max_fragments"),
            "max_fragments of a factory, for --app,",
        )

    def test_a_factory_has_options_of_its_own(self):
        self.make(f"--app={__name__}:FACTORY")
        self.assertIs(type(FACTORY._warnings.spelling), Spelling)


FACTORY = WebSocketServerFactory(None, reactor=Clock())
