"""Every target over its corpus, and over a broken txws2. These tests need no atheris."""

import re
from contextlib import redirect_stdout
from io import StringIO
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz import CORPUS, TARGETS, target_of
from tests.fuzz.__main__ import main
from tests.fuzz.seeds import seeds
from txws2.wire.deflater import Inflater
from txws2.wire.http.uris import _parsed_before

_inflate = Inflater._inflate

# The mock for each target that breaks txws2: a name, and its replacement.
MISTAKES = {
    # A header that a read cuts has too little room.
    "decoder": ("txws2.wire.decoder._HEADER_SIZE", 1),
    "deflating": ("txws2.wire.deflater._TAIL", b""),
    "exchange": ("txws2.wire.connection.Connection.receive", mock.Mock(side_effect=KeyError)),
    # A control frame has too little room if a read cuts it.
    "frames": ("txws2.wire.frame_reader._HEAD_SIZE", 8),
    "headers": ("txws2.wire.http.grammar.is_token", lambda text: True),
    # Inflating has no limit.
    "inflating": (
        "txws2.wire.deflater.Inflater._inflate",
        lambda self, part, _, tail=0: _inflate(self, part, None, tail),
    ),
    "offers": ("txws2.wire.permessage_deflate._WINDOW_BITS", re.compile("[0-9]+")),
    "requests": ("txws2.wire.handshake.server.accept_key", lambda key: key),
    "responses": ("txws2.wire.handshake.client.check_upgrade", mock.Mock(side_effect=KeyError)),
    "uris": ("txws2.wire.http.uris.quote", lambda text, safe: text),
}


def inputs(name):
    """Return the inputs in a target's corpus, by the name of the file."""
    return {path.stem: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}


def run(name):
    target = target_of(name)
    for data in inputs(name).values():
        target(data)


def noticed(name):
    """Return True if a target fails while txws2 is broken."""
    # The results from before would hide the mistake, and those with it would stay.
    _parsed_before.cache_clear()
    with mock.patch(*MISTAKES[name]):
        try:
            run(name)
        except AssertionError:
            return True
        finally:
            _parsed_before.cache_clear()
    return False


class CorpusTests(SynchronousTestCase):
    def test_it_has_what_is_written_into_it(self):
        """The corpus may have more inputs: those that were findings."""
        written = seeds()
        self.assertEqual(sorted(written), TARGETS)
        for name in TARGETS:
            self.assertLessEqual(set(written[name]), set(inputs(name)), name)

    def test_it_is_small(self):
        sizes = [len(data) for name in TARGETS for data in inputs(name).values()]
        self.assertLess(max(sizes), 1024)
        self.assertLess(sum(sizes), 16 * 1024)


class TargetsTests(SynchronousTestCase):
    def test_nothing_is_wrong_with_what_is_in_the_corpus(self):
        for name in TARGETS:
            run(name)

    def test_nothing_is_wrong_with_the_beginning_of_each_input(self):
        for name in TARGETS:
            target = target_of(name)
            for data in inputs(name).values():
                for end in range(len(data)):
                    target(data[:end])

    def test_a_mistake_is_noticed(self):
        self.assertEqual(sorted(MISTAKES), TARGETS)
        self.assertEqual([name for name in TARGETS if not noticed(name)], [])


class ReplayTests(SynchronousTestCase):
    def replay(self, name):
        [path, *_] = sorted((CORPUS / name).iterdir())
        output = StringIO()
        with redirect_stdout(output):
            main([name, str(path)])
        self.assertEqual(output.getvalue(), f"{path}: nothing is wrong\n")

    def test_it_tells_that_nothing_is_wrong(self):
        self.replay("frames")

    def test_it_raises_what_the_target_raises(self):
        with mock.patch(*MISTAKES["responses"]):
            self.assertRaises(AssertionError, self.replay, "responses")
