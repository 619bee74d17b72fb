"""Base of the tests of the FAQ: an answer is a program, which runs in memory."""

import ast
import re
from inspect import getsource
from pathlib import Path

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.sides import QuietTestCase
from txws2.testing import MemoryReactor, joined

__all__ = ["AnswerTestCase", "answer_of"]

# A question, and all up to the next heading.
_HEADING = r"^(\S[^\n]*)\n[~-]{4,}\n"
_QUESTION = re.compile(rf"{_HEADING}(.*?)(?={_HEADING}|\Z)", re.MULTILINE | re.DOTALL)
# Shorter texts of a test don't name a question.
_SHORTEST = 8
_INCLUDED = re.compile(r"^\.\. literalinclude:: (\S+\.py)$", re.MULTILINE)
_FAQ = Path(ROOT, "docs", "faq")


def programs_in(text):
    """Return the blocks in Python of an answer, and the files that it shows."""
    return blocks(text, "python") + [(_FAQ / name).read_text() for name in _INCLUDED.findall(text)]


def questions(page):
    """Return the programs in Python of each question of a page that has some."""
    text = (_FAQ / f"{page}.rst").read_text()
    found = {match[1]: programs_in(match[2]) for match in _QUESTION.finditer(text)}
    return {question: programs for question, programs in found.items() if programs}


def answer_of(page, words):
    """Return the program of the one question that has these words."""
    [[program]] = [found for question, found in questions(page).items() if words in question]
    return program


class OneThread(MemoryReactor):
    """A reactor whose other threads run at once, in the thread of the test."""

    def callFromThread(self, function, *arguments, **keywords):
        function(*arguments, **keywords)

    callInThread = callFromThread

    def callInThreadWithCallback(self, heard, function, *arguments, **keywords):
        heard(True, function(*arguments, **keywords))

    def getThreadPool(self):
        return self


class AnswerTestCase(QuietTestCase):
    """Runs the answers of one page.

    Attributes:
        page: the name of the page.
        reactor: takes the place of the global reactor.
        printed: all that the answers have printed.
        ran: the arguments of each call of `txws2.run`.
        names: those that the last program has defined.
    """

    page: str

    def setUp(self):
        super().setUp()
        self.reactor = OneThread()
        self.enterContext(self.reactor)
        self.printed, self.ran = [], []
        self.patch(txws2, "run", lambda *given, **options: self.ran.append((given, options)))

    def answer(self, words):
        """Run the program of the one question that has these words; return, and keep, its names."""
        self.names = {"__name__": "__main__", "print": self.note}
        exec(answer_of(self.page, words), self.names)
        return self.names

    def assertEveryAnswerIsRun(self):
        """Assert that the tests name words of each question."""
        constants = [
            node.value
            for node in ast.walk(ast.parse(getsource(type(self))))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        for question in questions(self.page):
            named = any(words in question for words in constants if len(words) >= _SHORTEST)
            self.assertTrue(named, question)

    def note(self, *words):
        """Keep what a program prints."""
        self.printed.append(words[0] if len(words) == 1 else words)

    def serve(self, words):
        """Run a program that serves; return what it serves, and the options."""
        self.answer(words)
        [((target, *place), options)] = self.ran
        self.assertIn(place, (["localhost", 8000], []))
        return target, options

    def connect(self, served, path="/", **more):
        """Connect a client to what `serve` has returned."""
        target, options = served
        return self.enterContext(
            joined(target, uri=f"ws://localhost:8000{path}", clock=self.reactor, **options, **more)
        )

    def heard(self, both):
        """Return the next message that the client gets."""
        return both.result_of(both.client.recv())

    def ask(self, both, message):
        both.client.sendMessage(message)
        return self.heard(both)
