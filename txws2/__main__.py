"""`python -m txws2 URI`: talk to a WebSocket server from a terminal or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.task import react

from txws2.arguments import parse_arguments
from txws2.conversation import Conversation

__all__ = ["main"]


def main(arguments: Sequence[str] = sys.argv[1:]) -> None:
    """Run until the connection is closed; exit with a status that tells how that went."""
    options = parse_arguments(arguments)

    async def run(reactor: Any) -> None:
        status = await Conversation(reactor, options).run()
        if status:
            raise SystemExit(status)

    react(run)


if __name__ == "__main__":
    main()
