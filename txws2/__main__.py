"""`python -m txws2 URI`: talk to a WebSocket server from a terminal or a pipe.

`python -m txws2 replay FILE URI` plays a recording of `twistd ws --record` to it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Any

# This import is the first, to report a missing package before another module needs it.
from txws2 import _prerequisites  # noqa: F401

# isort: split
from twisted.internet.task import react

from txws2._command.arguments import parse_arguments, parse_replay
from txws2._command.conversation import Conversation
from txws2._command.stdio import check_streams, say

__all__ = ["main"]


def main(arguments: Sequence[str] = sys.argv[1:]) -> None:
    """Run until the connection is closed; exit with a status that shows its success or failure."""
    # No URI is spelt so.
    replays = list(arguments[:1]) == ["replay"]
    options = parse_replay(arguments[1:]) if replays else parse_arguments(arguments)
    closed = check_streams()
    if closed is not None:
        say(closed)
        sys.exit(1)

    async def run(reactor: Any) -> None:
        reactor.addSystemEventTrigger("before", "shutdown", _stop_at_once_next_time)
        command: Any = Conversation
        if replays:
            # Only this needs the package for forwarding.
            from txws2._command.playing import Playing as command
        status = await command(reactor, options).run()
        if status:
            raise SystemExit(status)

    react(run)


def _stop_at_once_next_time() -> None:
    """Let another signal end the process: somebody doesn't want to wait for the server."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell starts a background command with SIGINT ignored, and SIGINT stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    main()
