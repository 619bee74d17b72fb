"""A process, from its start to the moment when nothing of it is left."""

from twisted.logger import formatEvent

from tests.support.processes import PipeReactor, ScriptedProcess, play_processes
from tests.support.sides import QuietTestCase
from txws2.programs.child import Child, Phase, Times, how_it_ended


class ChildTests(QuietTestCase):
    def start(self, stdin=True):
        play_processes(self)
        self.reactor = PipeReactor()
        self.process = ScriptedProcess(self, stdin)
        self.out, self.ended = [], []
        self.child = Child(
            self.reactor,
            self.process,
            "tool",
            Times(1, 10),
            self.out.append,
            lambda: self.out.append(None),
            self.ended.append,
        )

    def assertNothingLeft(self):
        """The process, its pipes and all timers are gone."""
        self.reactor.rest()
        self.assertEqual(self.child.phase, Phase.ENDED)
        self.assertTrue(self.process.waited)
        self.assertEqual(self.reactor.readers | self.reactor.writers, set())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            self.assertTrue(pipe is None or pipe.closed)

    def test_it_ends_when_it_has_exited_and_all_that_it_printed_was_read(self):
        self.start()
        self.process.prints(b"hello")
        self.process.exits(3)
        self.assertEqual(self.ended, [])
        self.reactor.rest()
        self.assertEqual(self.out, [b"hello", None])
        self.assertEqual(self.ended, [3])
        self.assertNothingLeft()

    def test_the_order_of_exit_and_end_of_output_does_not_matter(self):
        self.start()
        self.process.close()
        self.reactor.rest()
        self.assertEqual((self.out, self.ended), ([None], []))
        self.process.leaves()
        self.assertEqual(self.ended, [0])
        self.assertNothingLeft()

    def test_its_children_may_still_print(self):
        self.start()
        self.process.leaves()
        self.process.prints(b"late")
        self.reactor.rest()
        self.assertEqual((self.out, self.ended), ([b"late"], []))
        self.process.close()
        self.reactor.rest()
        self.assertEqual(self.ended, [0])

    def test_children_that_are_left_are_killed_before_their_group_loses_its_number(self):
        self.start()
        killed_before = []
        self.process.wait = lambda: killed_before.extend(self.process.signals) or 0
        self.process.exits()
        self.reactor.rest()
        self.assertEqual(killed_before, ["SIGKILL"])

    def test_one_that_is_stopped_has_time_to_end_by_itself(self):
        self.start()
        self.child.inlet.finish()
        self.child.stop()
        self.assertIsNone(self.process.reads())
        self.reactor.advance(0.9)
        self.assertEqual(self.process.signals, [])
        self.process.exits()
        self.assertNothingLeft()
        self.assertEqual(self.ended, [0])

    def test_it_gets_sigterm_then_and_sigkill_at_last(self):
        self.start()
        self.child.stop()
        self.reactor.advance(1)
        self.assertEqual(self.process.signals, ["SIGTERM"])
        self.reactor.advance(9.9)
        self.assertEqual(self.process.signals, ["SIGTERM"])
        self.reactor.advance(0.1)
        self.assertEqual(self.process.signals, ["SIGTERM", "SIGKILL"])
        self.assertEqual(self.ended, [])
        [event] = self.take_loud()
        self.assertEqual(
            formatEvent(event),
            f"tool [{self.process.pid}] is killed: it has not ended 10 seconds after SIGTERM",
        )
        self.process.exits(-9)
        self.assertEqual(self.ended, [-9])
        self.assertNothingLeft()

    def test_without_input_it_gets_sigterm_at_once(self):
        self.start(stdin=False)
        self.child.stop()
        self.assertEqual(self.process.signals, ["SIGTERM"])
        self.process.exits(-15)
        self.assertNothingLeft()

    def test_while_it_reads_what_was_written_before_it_has_time(self):
        self.start()
        self.child.inlet.write(b"x" * 200_000)
        self.child.inlet.finish()
        self.child.stop()
        for _ in range(3):
            self.process.reads(65536)
            self.reactor.rest()
            self.reactor.advance(1)
            self.assertEqual(self.process.signals, [])
        while self.process.reads():
            self.reactor.rest()
        self.reactor.advance(1)
        self.assertEqual(self.process.signals, ["SIGTERM"])

    def test_after_sigterm_its_children_have_time_too(self):
        self.start()
        self.child.stop()
        self.reactor.advance(1)
        self.process.close("stdout")
        self.process.leaves(-15)
        self.reactor.rest()
        self.assertEqual(self.ended, [])
        self.reactor.advance(10)
        self.assertEqual(self.process.signals, ["SIGTERM", "SIGKILL", "SIGKILL"])
        self.assertEqual(self.ended, [-15])
        self.assertNothingLeft()

    def test_output_is_not_wanted_any_more_then_and_nobody_waits_for_it(self):
        self.start()
        self.child.outlet.pauseProducing()
        self.process.prints(b"x" * 60_000)
        self.child.stop()
        self.reactor.rest()
        self.child.outlet.pauseProducing()
        self.process.prints(b"x" * 60_000)
        self.process.exits()
        self.reactor.rest()
        self.assertEqual(self.out, [None])
        self.assertNothingLeft()

    def test_stopping_it_twice_changes_nothing(self):
        self.start()
        self.child.stop()
        self.reactor.advance(0.5)
        self.child.stop()
        self.reactor.advance(0.5)
        self.assertEqual(self.process.signals, ["SIGTERM"])

    def test_it_can_be_killed_at_once_at_any_time(self):
        for seconds in (0, 1):
            self.start()
            if seconds:
                self.child.stop()
                self.reactor.advance(seconds)
            self.child.kill()
            self.child.kill()
            self.assertEqual(self.process.signals.count("SIGKILL"), 1)
            # A grandchild with a session of its own may keep the pipes.
            self.process.leaves(-9)
            self.assertEqual(self.ended, [-9])
            self.assertNothingLeft()

    def test_killing_it_after_its_end_reaches_no_other_process(self):
        self.start()
        self.process.exits()
        self.reactor.rest()
        self.process.signals.clear()
        self.child.kill()
        self.assertEqual(self.process.signals, [])

    def test_an_end_is_told_in_words(self):
        self.assertEqual(how_it_ended(3), "exit status 3")
        self.assertEqual(how_it_ended(-15), "ended by SIGTERM")
        self.assertEqual(how_it_ended(-99), "ended by signal 99")
