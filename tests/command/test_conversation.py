"""The conversation between a console and a server: on one connection, or on many."""

import re
import sys
from functools import partial
from io import StringIO

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import Logger
from twisted.python.failure import Failure

import txws2._command.connecting
import txws2._command.conversation
from tests.support.servers import Servers
from tests.support.sides import CLOSE, PING, PONG, TEXT, URI, QuietTestCase, closing
from txws2._command.arguments import parse_arguments
from txws2._command.conversation import Conversation
from txws2._time.backoff import Backoff
from txws2.client.connections import connect
from txws2.client.insecure import InsecureTLS
from txws2.wire.frames import encode_frame

DONE = "sent 1000 (OK); then received 1000 (OK)"
LOST = "no close frame received or sent"


class Reactor(Clock):
    """Keeps the function that is called when it stops."""

    def __init__(self):
        super().__init__()
        self.triggers = []

    def addSystemEventTrigger(self, phase, event, function):
        self.triggers.append(function)

    def stop(self):
        """Begin to stop; return a Deferred that fires when that may go on."""
        [trigger] = self.triggers
        return trigger()


class Stream(StringIO):
    """A standard stream, maybe of a terminal."""

    terminal = False

    def isatty(self):
        return self.terminal

    def fileno(self):
        return None


class Terminal(Stream):
    terminal = True


class Screen(StringTransport):
    """The stdin and the stdout of the console; their end is told in the next turn."""

    def __init__(self, console, clock):
        super().__init__()
        self.console, self.clock = console, clock

    def loseConnection(self):
        super().loseConnection()
        self.clock.callLater(0, self.console.connectionLost, Failure(ConnectionDone()))


class ConversationTestCase(QuietTestCase):
    stream = Stream
    # The error of a write, if writes fail.
    trouble = None

    def setUp(self):
        super().setUp()
        self.clock = Reactor()
        self.servers = Servers(self.clock)
        for name in "stdin", "stdout", "stderr":
            self.patch(sys, name, self.stream())
        self.patch(txws2._command.conversation, "StandardIO", self.open_screen)
        self.patch(txws2._command.conversation, "unwritable", lambda number: self.trouble)
        self.patch(txws2._command.conversation, "connect", partial(connect, endpoint=self.servers))
        self.patch(txws2._command.conversation, "Backoff", partial(Backoff, random=lambda: 0.5))

    def open_screen(self, console):
        self.console, self.screen = console, Screen(console, self.clock)
        console.makeConnection(self.screen)

    def start(self, *arguments, uri=URI):
        options = parse_arguments([uri, *arguments])
        self.running = Deferred.fromCoroutine(Conversation(self.clock, options).run())

    def open(self, *arguments):
        self.start(*arguments)
        self.servers.open()

    def type(self, data):
        self.console.dataReceived(data)

    def end_of_input(self):
        self.console.readConnectionLost()

    def say(self, opcode, payload):
        self.servers.say(encode_frame(opcode, payload, masked=False))

    def lose(self):
        self.servers.joined.drop()

    def heard(self):
        """Return the frames to the server since the last call."""
        return self.servers.heard()

    def errors(self):
        return sys.stderr.getvalue().splitlines()

    def shown(self):
        return re.sub(rb"\x1b(\[[A-Z]|[78])", b"", self.screen.value()).decode()

    def assertEnds(self, status, *words):
        """Assert that it has ended with this status and these lines on stderr, and left nothing."""
        self.servers.pump()
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(self.running), status)
        for line, expected in zip(self.errors(), words, strict=True):
            self.assertIn(expected, line)
        self.assertIsNone(self.servers.waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class OnceTests(ConversationTestCase):
    def test_the_end_of_the_connection_is_the_end(self):
        self.open()
        self.say(TEXT, b"hello")
        self.servers.close(4001)
        self.assertEqual(self.screen.value(), b"hello\n")
        self.assertEnds(1, "closed: received 4001 (private use); then sent 4001 (private use)")

    def test_a_connection_that_cannot_be_made_is_the_end(self):
        self.start()
        self.servers.fail()
        self.assertEnds(1, f"can't connect to {URI}: Connection was refused", "running")

    def test_a_password_is_not_shown(self):
        for uri in (URI.replace("//", "//me:secret@"), "http://me:secret@h/"):
            self.setUp()
            self.start(uri=uri)
            if self.servers.waiting is not None:
                self.servers.fail()
            [line, *_] = self.errors()
            self.assertIn("://***@", line)
            self.assertNotIn("secret", line)

    def test_a_signal_closes_the_connection_and_all_of_it_is_waited_for(self):
        self.open()
        stopping = self.clock.stop()
        self.assertEqual(self.heard(), [(CLOSE, closing(1000))])
        self.assertNoResult(stopping)
        self.servers.close(1000)
        self.assertEnds(0, f"closed: {DONE}")
        self.successResultOf(stopping)

    def test_a_signal_while_it_connects_leaves_nothing(self):
        self.start()
        stopping = self.clock.stop()
        self.assertEnds(1, f"stopped while connecting to {URI}")
        self.successResultOf(stopping)

    def test_a_password_in_the_uri_is_shown_to_nobody(self):
        options = parse_arguments([URI.replace("//", "//me:secret@")])
        self.running = Deferred.fromCoroutine(Conversation(self.clock, options).run())
        self.servers.fail()
        shown = URI.replace("//", "//***@")
        self.assertEnds(1, f"can't connect to {shown}: Connection was refused", "running")

    def test_output_that_cannot_be_written_is_a_failure(self):
        self.trouble = "No space left on device"
        self.open()
        self.console.writeConnectionLost()
        self.servers.close(1000)
        self.assertEnds(1, f"closed: {DONE}", "can't print all messages: No space left on device")

    def test_no_more_is_read_than_there_is_room_for(self):
        self.open()
        self.screen.producer.pauseProducing()
        messages = [f"{number}\n".encode() for number in range(20)]
        for message in messages:
            self.say(TEXT, message.strip())
        self.assertEqual(self.screen.value(), messages[0])
        self.assertTrue(self.servers.joined.client_transport.paused)
        self.screen.producer.resumeProducing()
        self.servers.pump()
        self.assertEqual(self.screen.value(), b"".join(messages))

    def test_after_a_signal_nobody_waits_for_ever_for_who_does_not_read(self):
        self.trouble = "nobody reads them"
        self.open()
        self.screen.producer.pauseProducing()
        for message in b"one", b"two":
            self.say(TEXT, message)
        self.clock.stop()
        self.servers.close(1000)
        self.assertNoResult(self.running)
        self.clock.advance(10)
        self.assertEnds(1, f"closed: {DONE}", "can't print all messages: nobody reads them")

    def test_after_a_signal_nobody_waits_for_ever_for_a_server(self):
        self.start()
        self.clock.stop()
        self.clock.advance(10)
        self.assertEnds(1, f"stopped while connecting to {URI}")


class UnexpectedTests(ConversationTestCase):
    """An unexpected exception ends the program with a sentence and a status."""

    def assertUnexpected(self, *before):
        self.assertEnds(1, *before, "unexpected ZeroDivisionError: division by zero; ")
        self.take_loud()

    def wrong(self, *arguments, **options):
        return 1 / 0

    def test_an_exception_while_the_connection_is_made_ends_it(self):
        self.patch(txws2._command.connecting, "hint", self.wrong)
        self.start()
        self.servers.fail()
        self.assertUnexpected()

    def test_an_exception_while_the_console_is_opened_ends_it(self):
        self.patch(txws2._command.conversation, "StandardIO", self.wrong)
        self.open()
        self.clock.advance(0)
        self.assertEqual(self.heard(), [(CLOSE, closing(1000))])
        self.servers.close(1000)
        self.assertUnexpected()

    def test_an_exception_while_a_message_is_shown_ends_it(self):
        self.open()
        self.console.show = self.wrong
        self.say(TEXT, b"hello")
        self.servers.close(1011)
        self.assertUnexpected("closed: sent 1011")

    def test_an_exception_ends_it_although_a_signal_has_come(self):
        self.patch(txws2._command.connecting, "hint", self.wrong)
        self.start()
        stopping = self.clock.stop()
        self.servers.pump()
        self.successResultOf(stopping)

    def test_in_a_callback_of_the_reactor(self):
        self.open()
        Logger().failure("unhandled error", Failure(ZeroDivisionError("division by zero")))
        self.clock.advance(0)
        self.servers.close(1000)
        self.assertUnexpected(f"closed: {DONE}")


class ReconnectTests(ConversationTestCase):
    def again(self, *arguments):
        """Open a connection, and lose it after a long time."""
        self.open("--reconnect", *arguments)
        self.clock.advance(5)
        self.lose()

    def test_it_connects_again_when_the_connection_was_lost(self):
        self.again()
        self.servers.open()
        self.say(TEXT, b"hello again")
        self.assertEqual(self.screen.value(), b"hello again\n")
        self.clock.stop()
        self.servers.close(1000)
        self.assertEnds(0, f"closed: {LOST}; connecting again", "1000")

    def test_it_connects_again_when_the_server_has_closed_the_connection(self):
        self.open("--reconnect")
        self.clock.advance(5)
        self.servers.close(1000)
        self.servers.open()
        self.assertEqual(
            self.errors(), ["closed: received 1000 (OK); then sent 1000 (OK); connecting again"]
        )

    def test_a_code_that_says_that_something_is_wrong_is_remarked_on_once(self):
        self.open("--reconnect")
        self.servers.close(4001)
        self.clock.advance(2.5)
        self.assertEqual(self.servers.attempts, 2)
        code = "4001 (private use)"
        remark = f"closed: received {code}; then sent {code}; connecting again"
        self.assertEqual(self.errors(), [remark])

    def test_it_waits_before_it_comes_again_if_it_was_thrown_out(self):
        self.open("--reconnect")
        self.servers.close(1000)
        self.assertEqual(self.servers.attempts, 1)
        self.clock.advance(2.5)
        self.assertEqual(self.servers.attempts, 2)

    def test_a_temporary_error_is_tried_again(self):
        self.start("--reconnect")
        self.servers.refuse()
        self.clock.advance(2.5)
        self.servers.fail()
        self.clock.advance(3.1)
        self.servers.open()
        first, _, second, _ = self.errors()
        self.assertRegex(first, "HTTP 503; trying again$")
        self.assertRegex(second, r"[^.]; trying again$")

    def test_a_permanent_error_is_the_end(self):
        self.start("--reconnect")
        self.servers.refuse("404 Nothing")
        self.assertEnds(1, "HTTP 404", "no WebSocket at this path")

    def test_a_mistake_in_the_arguments_is_the_end(self):
        self.start("--reconnect", "--subprotocol", "a b")
        self.assertEnds(1, "isn't a token")

    def test_a_line_typed_meanwhile_is_sent_on_the_next_connection(self):
        self.again()
        self.type(b"one\ntwo\n")
        self.servers.open()
        self.assertEqual(self.heard(), [(TEXT, b"one"), (TEXT, b"two")])

    def test_a_line_typed_while_the_server_closes_is_sent_on_the_next_connection(self):
        self.open("--reconnect")
        self.clock.advance(5)
        self.say(CLOSE, closing(1001))
        self.type(b"late\n")
        self.servers.peer.transport.loseConnection()
        self.servers.pump()
        self.servers.open()
        self.assertEqual(self.heard(), [(TEXT, b"late")])

    def test_the_last_line_of_a_pipe_has_its_reply_before_it_is_over(self):
        self.again()
        self.type(b"last")
        self.end_of_input()
        self.servers.open()
        last, (opcode, payload) = self.heard()
        self.assertEqual((last, opcode), ((TEXT, b"last"), PING))
        self.say(PONG, payload)
        self.assertEqual(self.heard(), [])
        self.say(TEXT, b"its reply")
        self.assertEqual(self.heard(), [(CLOSE, closing(1000))])
        self.servers.close(1000)
        self.assertEqual(self.screen.value(), b"its reply\n")
        self.assertEnds(0, "connecting again", f"closed: {DONE}")

    def test_a_pipe_that_has_ended_meanwhile_wants_no_other_connection(self):
        self.again()
        self.end_of_input()
        self.assertEnds(1, "connecting again", f"stopped while connecting to {URI}")

    def test_when_replies_are_cut_off_there_are_no_others(self):
        self.open("--reconnect")
        self.type(b"one\n")
        self.end_of_input()
        self.lose()
        self.assertEnds(1, f"closed: {LOST}")

    def test_no_other_connection_is_made_once_nobody_reads_the_output(self):
        self.again()
        self.console.writeConnectionLost()
        self.assertEnds(1, "connecting again", f"stopped while connecting to {URI}")

    def test_a_signal_while_it_waits_ends_it_at_once(self):
        self.start("--reconnect")
        self.servers.fail()
        stopping = self.clock.stop()
        self.assertEnds(1, "trying again", "running", f"stopped while connecting to {URI}")
        self.successResultOf(stopping)


class TerminalTests(ConversationTestCase):
    stream = Terminal

    def test_all_is_shown_on_the_screen(self):
        self.open("--reconnect")
        self.clock.advance(5)
        self.lose()
        self.servers.fail()
        shown = self.shown()
        self.assertIn(f"connected to {URI}; Ctrl-D to close", shown)
        self.assertIn("connecting again", shown)
        self.assertIn("trying again", shown)
        self.assertEqual(self.errors(), [])

    def test_ctrl_d_closes_without_waiting_for_replies(self):
        self.open("--reconnect")
        self.type(b"hello\n")
        self.end_of_input()
        self.assertEqual(self.heard(), [(TEXT, b"hello"), (CLOSE, closing(1000))])
        self.servers.close(1000)
        self.assertEnds(0, f"closed: {DONE}")

    def test_ctrl_d_while_it_waits_ends_it_at_once(self):
        self.open("--reconnect")
        self.lose()
        self.type(b"never sent\n")
        self.end_of_input()
        self.assertEnds(1, f"stopped while connecting to {URI}")


class OptionsTests(QuietTestCase):
    def options(self, *arguments):
        """Return the options of `connect` that these arguments make."""
        options = {}

        def connecting(uri, **given):
            options.update(given)
            raise ValueError("enough")

        self.patch(sys, "stderr", StringIO())
        self.patch(txws2._command.conversation, "connect", connecting)
        conversation = Conversation(Reactor(), parse_arguments(["wss://h/", *arguments]))
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(conversation.run())), 1)
        return options

    def test_by_default_it_is_the_environment_and_the_machine_that_decide(self):
        options = self.options()
        self.assertEqual((options["proxy"], options["tls"]), (True, None))
        self.assertEqual((options["proxy_tls"], options["client_certificate"]), (None, None))

    def test_a_proxy(self):
        self.assertEqual(self.options("--proxy", "socks5h://p")["proxy"], "socks5h://p")

    def test_files_with_certificates(self):
        options = self.options("--cacert", "ours.pem", "--cert", "me.pem")
        self.assertEqual((options["tls"], options["proxy_tls"]), ("ours.pem", "ours.pem"))
        self.assertEqual(options["client_certificate"], "me.pem")

    def test_no_verification(self):
        options = self.options("--insecure")
        self.assertIsInstance(options["tls"], InsecureTLS)
        self.assertIsNone(options["proxy_tls"])

    def test_a_limit_to_the_time(self):
        self.assertEqual(self.options("--timeout", "2.5")["open_timeout"], 2.5)
