"""Twisteds without the private names that we use: everything works, and the log says it once."""

import json
import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.interop.other_twisted import EAGER_DEFERRED
from txws2 import _private_names
from txws2._private_names import (
    ASYNCIO_LOOP,
    CLIENT_TLS_HOST,
    ENDPOINT_WRAPPER,
    EPOLL_REACTOR,
    INTERNAL_READERS,
    LOG_OBSERVERS,
    OPENSSL_CONNECTION,
    OPENSSL_LIBRARY,
    TCP_TRANSPORT,
    TLS_BUFFER,
    TLS_TRANSPORT,
    UNHANDLED_ERROR,
)

# Many classes have public names like these.
_KEPT = {"TLS", "bufferSize", "disconnecting", "doRead", "doWrite", "offset", "producer"}

# No loader can rename the functions of the library.
GROUPS = [
    group
    for group in vars(_private_names).values()
    if isinstance(group, _private_names.Names) and group is not OPENSSL_LIBRARY
]


def lost(*groups):
    return [name for group in groups for name in group.names if name not in _KEPT]


class OtherTwistedTests(SynchronousTestCase):
    """Each test runs all kinds of traffic in a process; see `traffic.py`."""

    def check(self, *groups, reactor="default", eager=False):
        """Run traffic without the names of these groups; the log has one event for each."""
        names = lost(*groups)
        command = [sys.executable, "-m", "tests.interop.other_twisted", reactor, *names]
        lines = [f"has no {', '.join(lost(group))} in " for group in groups]
        if eager:
            command.append(EAGER_DEFERRED)
            lines.append("has Deferreds of another kind")
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=100
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        loud = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(len(loud), len(lines), loud)
        for line in lines:
            self.assertEqual(len([event for event in loud if line in event]), 1, (line, loud))

    def test_a_twisted_with_all_names_is_not_logged(self):
        self.check()

    def test_sockets_are_written_to_by_the_transport(self):
        self.check(TCP_TRANSPORT)

    def test_tls_is_all_twisteds(self):
        self.check(TLS_TRANSPORT)

    def test_bytes_that_tls_keeps_for_the_next_turn_still_leave(self):
        self.check(TLS_BUFFER)

    def test_pyopenssls_own_calls_do_what_c_does(self):
        self.check(OPENSSL_CONNECTION)

    def test_a_clients_reads_go_through_twisteds_wrapper(self):
        self.check(ENDPOINT_WRAPPER)

    def test_lone_connections_take_turns_of_the_reactor(self):
        self.check(EPOLL_REACTOR)

    def test_errors_that_nobody_waits_for_stay_out_of_the_log(self):
        self.check(UNHANDLED_ERROR)

    def test_timers_and_the_log_and_creators_are_as_twisted_has_them(self):
        self.check(INTERNAL_READERS, LOG_OBSERVERS, CLIENT_TLS_HOST)

    def test_deferreds_may_be_made_with_all_they_have(self):
        self.check(eager=True)

    def test_without_any_of_them_all_works(self):
        self.check(*[group for group in GROUPS if group is not ASYNCIO_LOOP], eager=True)

    def test_without_any_of_them_all_works_on_asyncio(self):
        self.check(*GROUPS, reactor="asyncio", eager=True)
