"""The signals that stop `twistd ws` or make it read its files again, and its exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from twisted.internet.error import ReactorNotRunning

from txws2._command.sd_notify import Notifier
from txws2.server.reactor_stop import tell_soon

__all__ = ["end_with_status_0", "end_with_status_1", "reload_on_hangup"]

# A reactor that hasn't answered a signal for these seconds hangs.
_HANGS = 1
_HANGING = "twistd ws: the reactor hangs, so the process ends at once"

# The log has this advice while the server waits to end.
_ADVICE = "(--drain and --close-timeout say how long); a second signal ends it at once"


def reload_on_hangup(
    reactor: Any,
    reloads: Sequence[Callable[[], object]],
    notifier: Notifier,
    status: Callable[[], str],
) -> None:
    """Read the files again on SIGHUP, as other servers do, and tell systemd the status."""

    def reload_all() -> None:
        notifier.reloading()
        for reload in reloads:
            reload()
        notifier.ready(status())

    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reload_all))


def end_with_status_0(reactor: Any, service: Any) -> None:
    """Let signals stop the service, and end the process with status 0."""

    # The time of the first signal that the reactor hasn't answered.
    unanswered: list[float] = []

    # With the reactor's own handlers, twistd would end by the signal that stopped it, which looks
    # like a failure.
    def stop() -> None:
        unanswered.clear()
        try:
            reactor.stop()
        except ReactorNotRunning:
            # The second signal ends the connections at once, though they have some time left.
            service.stopNow()
        else:
            tell_soon(reactor, service.factory.log, _ADVICE)

    def stop_soon(*_: object) -> None:
        if unanswered and monotonic() - unanswered[0] >= _HANGS:
            # A function of the application blocks, or a thread for which the reactor waits.
            print(_HANGING, file=sys.__stderr__)
            end_with_status_1()
            return
        unanswered.append(monotonic())
        reactor.callFromThread(stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_soon)


def end_with_status_1() -> None:
    """End the process at once."""
    # Twisted lets twistd end with the status of a signal only, and sys.exit() comes too late here.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
