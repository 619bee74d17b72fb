"""Words of `twistd ws` to systemd."""

import os
import signal
import socket
from pathlib import Path
from unittest import mock

from twisted.internet.task import Clock
from twisted.logger import formatEvent

from tests.command.test_tls import TLSTestCase
from tests.support.sides import QuietTestCase
from tests.support.tap import TapTestCase
from txws2._command.sd_notify import Notifier, notifier_of


def listener(test, name):
    """Return the socket of systemd."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    test.addCleanup(made.close)
    made.setblocking(False)
    made.bind(name)
    return made


def heard(listening):
    """Return all words that have come, each message as a list of lines."""
    messages = []
    while True:
        try:
            messages.append(listening.recv(4096).decode().split("\n"))
        except BlockingIOError:
            return messages


class NotifierTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.name = f"@txws2-{os.getpid()}-{id(self)}"
        self.systemd = listener(self, "\0" + self.name[1:])

    def test_it_speaks_to_an_abstract_name(self):
        Notifier(self.clock, self.name).ready("fine")
        self.assertEqual(heard(self.systemd), [["READY=1", "STATUS=fine"]])

    def test_it_speaks_to_a_path(self):
        # The name of a Unix socket has about 100 bytes at most.
        path = f"/tmp/txws2-{os.getpid()}-{id(self)}"
        systemd = listener(self, path)
        self.addCleanup(os.unlink, path)
        Notifier(self.clock, path).stopping("bye")
        self.assertEqual(heard(systemd), [["STOPPING=1", "STATUS=bye"]])

    def test_a_reload_has_its_time(self):
        Notifier(self.clock, self.name).reloading()
        [[first, second]] = heard(self.systemd)
        self.assertEqual(first, "RELOADING=1")
        self.assertRegex(second, r"^MONOTONIC_USEC=[0-9]+\Z")

    def test_signs_of_life_come_twice_in_the_time(self):
        notifier = Notifier(self.clock, self.name, 30)
        notifier.ready("fine")
        notifier.ready("again")
        heard(self.systemd)
        self.clock.pump([15, 15])
        self.assertEqual(heard(self.systemd), [["WATCHDOG=1"], ["WATCHDOG=1"]])

    def test_without_systemd_it_says_nothing(self):
        notifier = notifier_of(self.clock, {"WATCHDOG_USEC": "1000"})
        self.assertFalse(notifier)
        notifier.ready("fine")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_takes_the_variables_away(self):
        environment = {
            "NOTIFY_SOCKET": self.name,
            "WATCHDOG_USEC": "2000000",
            "WATCHDOG_PID": str(os.getpid()),
            "OTHER": "x",
        }
        notifier = notifier_of(self.clock, environment)
        self.assertEqual(environment, {"OTHER": "x"})
        self.assertEqual(notifier._watchdog, 2)

    def test_the_watchdog_of_another_process_is_not_ours(self):
        for given in {"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "x"}:
            environment = {"NOTIFY_SOCKET": self.name, "WATCHDOG_USEC": "1", **given}
            self.assertEqual(notifier_of(self.clock, environment)._watchdog, 0)

    def test_a_failure_is_logged_once_and_ends_it(self):
        notifier = Notifier(self.clock, self.name, 30)
        notifier.ready("fine")
        self.systemd.close()
        self.clock.pump([15, 15, 15])
        [event] = self.take_loud()
        self.assertIn("can't send to the socket of systemd", formatEvent(event))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_never_waits(self):
        notifier = Notifier(Clock(), self.name)
        for _ in range(5000):
            notifier.tell("x" * 100)
        self.assertTrue(notifier)


class ServiceTests(TLSTestCase):
    def setUp(self):
        super().setUp()
        name = f"@txws2-{os.getpid()}-{id(self)}"
        self.systemd = listener(self, "\0" + name[1:])
        patcher = mock.patch.dict(os.environ, NOTIFY_SOCKET=name, WATCHDOG_USEC="20000000")
        patcher.start()
        self.addCleanup(patcher.stop)
        self.triggers = []
        self.reactor.addSystemEventTrigger = lambda *given: self.triggers.append(given)

    def test_systemd_hears_of_a_life(self):
        # The reactor of these tests runs before the service has begun to listen.
        waiting = []
        self.reactor.callWhenRunning = lambda call, *given: waiting.append((call, given))
        self.start(*self.both, "-l", "8443")
        self.assertNotIn("NOTIFY_SOCKET", os.environ)
        for call, given in waiting:
            call(*given)
        [ready, alive] = heard(self.systemd)
        self.assertEqual(ready, ["READY=1", "STATUS=listening on 127.0.0.1:8443"])
        self.assertEqual(alive, ["WATCHDOG=1"])
        Path(self.certificate).write_text("no certificate")
        self.handlers[signal.SIGHUP](signal.SIGHUP, None)
        self.take_loud()
        self.assertEqual([each[0] for each in heard(self.systemd)], ["RELOADING=1", "READY=1"])
        [stop] = [call for phase, event, call, *_ in self.triggers if phase == "before" and not _]
        stop()
        self.assertEqual(heard(self.systemd)[0][0], "STOPPING=1")


class QuietTests(TapTestCase):
    def test_without_systemd_sighup_has_no_handler(self):
        self.start()
        self.assertNotIn(signal.SIGHUP, self.handlers)
