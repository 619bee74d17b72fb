"""The ends of pipes: backpressure both ways."""

import os

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.processes import PipeReactor
from txws2.programs.pipes import Inlet, Outlet

DONE = Failure(ConnectionDone())


class PipeTestCase(SynchronousTestCase):
    def pipe(self):
        """Return a file for the end of a pipe that is ours, and the descriptor of the other."""
        reading, writing = os.pipe()
        ours, self.theirs = (writing, reading) if self.write else (reading, writing)
        file = os.fdopen(ours, "wb" if self.write else "rb", buffering=0)
        self.addCleanup(file.close)
        self.addCleanup(self.close_theirs)
        self.reactor = PipeReactor()
        return file

    def close_theirs(self):
        if self.theirs is not None:
            os.close(self.theirs)
            self.theirs = None


class OutletTests(PipeTestCase):
    write = False

    def setUp(self):
        self.got = []
        pipe = self.pipe()
        self.outlet = Outlet(self.reactor, pipe, self.got.append, lambda: self.got.append(None))

    def test_a_pause_leaves_the_bytes_in_the_pipe(self):
        self.outlet.pauseProducing()
        os.write(self.theirs, b"one")
        self.reactor.rest()
        self.assertEqual(self.got, [])
        self.outlet.resumeProducing()
        self.reactor.rest()
        self.assertEqual(self.got, [b"one"])

    def test_the_end_is_told_once(self):
        self.close_theirs()
        self.reactor.rest()
        self.outlet.connectionLost(DONE)
        self.outlet.resumeProducing()
        self.assertEqual(self.got, [None])
        self.assertEqual(self.reactor.readers, set())

    def test_the_reactor_may_see_it_first(self):
        self.outlet.connectionLost(DONE)
        self.assertEqual(self.got, [None])

    def test_what_is_in_the_pipe_can_be_drained_at_the_end(self):
        os.write(self.theirs, b"last")
        self.outlet.drain()
        self.assertEqual(self.got, [b"last"])

    def test_a_read_that_finds_nothing_is_no_end(self):
        self.outlet.doRead()
        self.assertEqual(self.got, [])


class InletTests(PipeTestCase):
    write = True

    def setUp(self):
        pipe = self.pipe()
        self.inlet = Inlet(self.reactor, pipe)
        self.addCleanup(self.inlet.close)

    def read_all(self):
        """Return all that comes until the pipe is empty."""
        found = b""
        while self.inlet.busy:
            found += os.read(self.theirs, 65536)
            self.reactor.rest()
        os.set_blocking(self.theirs, False)
        return found + os.read(self.theirs, 1 << 20)

    def test_a_reader_makes_room(self):
        data = os.urandom(300_000)
        self.inlet.write(data)
        room = self.inlet.room()
        self.assertTrue(self.inlet.busy)
        self.assertNoResult(room)
        self.assertEqual(self.read_all(), data)
        self.successResultOf(room)
        self.assertEqual(self.reactor.writers, set())
        self.assertEqual(self.inlet.written, len(data))

    def test_writers_take_turns(self):
        self.inlet.write(b"x" * 100_000)
        order = []

        def go_on(_, name):
            order.append((name, self.inlet.busy))
            self.inlet.write(b"y" * 200_000)

        for name in "ab":
            self.inlet.room().addCallback(go_on, name)
        self.read_all()
        self.assertEqual(order, [("a", False), ("b", False)])

    def test_the_end_comes_after_all_that_was_written(self):
        self.inlet.write(b"x" * 100_000)
        self.inlet.finish()
        self.assertTrue(self.inlet.open)
        got = 0
        while data := os.read(self.theirs, 65536):
            got += len(data)
            self.reactor.rest()
        self.assertEqual(got, 100_000)
        self.assertFalse(self.inlet.open)

    def test_a_process_that_has_closed_its_input_takes_everything(self):
        self.inlet.write(b"x" * 100_000)
        room = self.inlet.room()
        self.close_theirs()
        self.reactor.rest()
        self.successResultOf(room)
        self.assertTrue(self.inlet.refused)
        self.inlet.write(b"more")
        self.assertFalse(self.inlet.busy)

    def test_the_reactor_may_see_that_first(self):
        self.inlet.write(b"x" * 100_000)
        room = self.inlet.room()
        self.inlet.connectionLost(DONE)
        self.successResultOf(room)
        self.assertTrue(self.inlet.refused)

    def test_closing_drops_what_waits(self):
        self.inlet.write(b"x" * 100_000)
        room = self.inlet.room()
        self.inlet.close()
        self.successResultOf(room)
        self.assertFalse(self.inlet.busy)
