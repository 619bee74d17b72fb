"""docs/topics/close-codes.rst: the table is that of the code, and the blocks work."""

import ast
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2 import CloseCode
from txws2.relay.wording import RelayCode, comes_back
from txws2.testing import ScriptedServer, joined
from txws2.wire.closing import _EXPLANATIONS
from txws2.wire.frames import BINARY, CLOSE, TEXT

PAGE = Path(ROOT, "docs", "topics", "close-codes.rst").read_text()
ROW = re.compile(
    r"^   \* - (\d.*)\n     -(.*)\n     - (.*)\n     - ((?:.|\n)*?)\n     - (.*)$", re.M
)
ROWS = {code: [cell.strip() for cell in cells] for code, *cells in ROW.findall(PAGE)}
SECRET, LISTEN = blocks(PAGE, "python")
# These only name the end of a connection.
URI = "ws://localhost/"
INTERNAL = {CloseCode.NO_STATUS_RCVD, CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE}


def codes_in(tree):
    """Generate the close codes that a module passes on; comparisons only look at them."""
    compared = {
        each
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        for each in ast.walk(side)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node not in compared
            and isinstance(node.value, ast.Name)
            and node.value.id == "CloseCode"
        ):
            yield CloseCode[node.attr]


def codes_of_the_package():
    found = {txws2.ProtocolError("").code, txws2.PayloadTooBig.code}
    for path in Path(ROOT, "txws2").rglob("*.py"):
        if path.name != "closing.py":
            found |= set(codes_in(ast.parse(path.read_text())))
    return {code for code in found if code not in INTERNAL}


class TableTests(SynchronousTestCase):
    def test_all_codes_are_there_with_their_names_and_meanings(self):
        for code in CloseCode:
            name, meaning, *_ = ROWS[str(code.value)]
            self.assertEqual((name, meaning), (f"``{code.name}``", _EXPLANATIONS[code]))
        others = set(ROWS) - {str(code.value) for code in CloseCode}
        self.assertEqual(others, {"3000 to 3999", "4000 to 4999"})

    def test_never_is_said_of_those_that_no_module_sends(self):
        never = {
            CloseCode(int(code))
            for code, cells in ROWS.items()
            if "Never" in cells[2] and code.isdigit()
        }
        self.assertEqual(set(CloseCode) - codes_of_the_package(), never)

    def test_the_codes_of_the_relay(self):
        named = {int(code) for code in re.findall(r"\b4\d{3}\b", ROWS["4000 to 4999"][2])}
        self.assertEqual(named, set(RelayCode))

    def test_whether_to_come_back_is_as_the_relay_does(self):
        for code in CloseCode:
            self.assertEqual(ROWS[str(code.value)][3], "yes" if comes_back(code) else "no", code)
        self.assertEqual([comes_back(code) for code in (3000, 3999, 4000, 4399, 4500)], [True] * 5)
        self.assertEqual([comes_back(code) for code in (4400, 4499)], [False] * 2)

    def test_close_takes_the_codes_that_the_page_names(self):
        taken = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
        for code in range(999, 5001):
            try:
                txws2.Close(code).payload()
            except txws2.ProtocolError:
                self.assertNotIn(code, taken)
            else:
                self.assertIn(code, taken)


class SentTests(SynchronousTestCase):
    """txws2 sends the codes when the page says so."""

    def assertSends(self, code, handler=None, do=None, **options):
        with joined(handler, **options) as both:
            if do is not None:
                do(both)
            both.pump()
            self.assertEqual(both.client.close_code, code)
            both.take_failures()

    def test_a_handler_returns_or_raises(self):
        async def leave(ws):
            pass

        async def fail(ws):
            raise ValueError("oh")

        self.assertSends(1000, leave)
        self.assertSends(1011, fail)
        self.flushLoggedErrors(ValueError)

    def test_the_peer_breaks_the_rules(self):
        feed = lambda *frame: lambda both: both.server_transport.feed(*frame)  # noqa: E731
        self.assertSends(1002, do=feed(3, b"?"))
        self.assertSends(1007, do=feed(TEXT, b"\xff"))
        self.assertSends(1009, do=feed(BINARY, b"x" * 11), max_size=10)

    def test_the_keepalive_has_no_answer(self):
        with joined() as both:
            both.vanish()
            both.advance(60)
            [close] = [frame for frame in both.server_transport.frames() if frame.opcode == CLOSE]
            self.assertEqual(txws2.Close.parse(close.payload).code, 1011)

    def test_the_application_sends_a_code_of_its_own(self):
        self.assertSends(1012, do=lambda both: both.server.close(1012))

    def test_a_client_is_too_slow(self):
        with joined(write_limit=0) as both:
            both.client_transport.pauseProducing()
            while txws2.broadcast([both.server], b"x" * 2**20, slow="close"):
                pass
            both.client_transport.resumeProducing()
            both.pump()
            # The close frame comes after the messages, which compression made small.
            while both.client.close_code is None:
                self.successResultOf(both.client.recv())
                both.pump()
            self.assertEqual(both.client.close_code, 1013)


class BlockTests(SynchronousTestCase):
    def setUp(self):
        names = {}
        exec(SECRET, names)
        self.handler = names["handler"]

    def test_the_server_closes_with_4401(self):
        with joined(self.handler) as both:
            both.client.sendMessage("guess")
            both.pump()
            self.assertEqual(both.client.close_code, 4401)

    def test_the_client_gives_up_on_4401_and_not_on_4503(self):
        names, heard = {}, []
        exec(LISTEN, names)
        codes = [4503, 4401]

        async def handler(ws):
            await ws.close(codes.pop(0))

        with ScriptedServer(handler, at=URI) as server:
            listening = server.reactor.start(names["listen"](URI, heard.append))
            server.reactor.advance(60)
            exc = self.failureResultOf(listening, txws2.ConnectionClosedError).value
            self.assertEqual((exc.rcvd.code, codes), (4401, []))

    def test_the_client_hears_a_server_that_lets_it_in(self):
        names, heard = {}, []
        exec(LISTEN, names)
        with ScriptedServer(self.handler, at=URI) as server:
            listening = server.reactor.start(names["listen"](URI, heard.append))
            server.reactor.pump()
            self.assertEqual(heard, ["welcome"])
            listening.addErrback(lambda failure: None).cancel()
