"""What a person or a pipe sees of `python -m txws2`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from unicodedata import combining, east_asian_width

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Console", "printable", "rows", "say"]

_PROMPT = b"> "

# Save the cursor; make sure there is a line below; put an empty line above this one.
_ABOVE = b"\x1b7\n\x1b[A\x1b[L\r"
# Return to where the cursor was, which is a line further down now.
_BACK = b"\x1b8\x1b[B"


@implementer(IHalfCloseableProtocol)
class Console(LineReceiver):
    """Reads lines from stdin and writes messages to stdout.

    On a terminal, what arrives is inserted above the line that is being typed. From a pipe,
    messages are written one after the other; into a pipe or a file, just as they are.

    Args:
        send: called with each line, as str, or as bytes if it isn't UTF-8; no other line is read
            until its Deferred fires.
        terminal: whether there is a person at both ends.
        steerable: whether stdout is a terminal, which a message must not steer.
    """

    delimiter = b"\n"
    MAX_LENGTH = 2**26

    def __init__(
        self, send: Callable[[str | bytes], Deferred[None]], *, terminal: bool, steerable: bool
    ) -> None:
        self._send = send
        self.terminal = terminal
        self._steerable = steerable
        self.ended: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()

    # What Twisted calls.

    def connectionMade(self) -> None:
        """Show the prompt."""
        self._prompt()

    def lineReceived(self, line: bytes) -> None:
        """Send a line that was typed, or came from the pipe."""
        text: str | bytes
        try:
            text = line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            text = line
        sending = self._send(text)
        if not sending.called:
            self.pauseProducing()  # type: ignore[no-untyped-call]
            sending.addBoth(self._sent)
        self._prompt()

    def readConnectionLost(self) -> None:
        """Send a last line that has no newline; then there is no more to come."""
        rest = self.clearLineBuffer()  # type: ignore[no-untyped-call]
        if rest:
            self.lineReceived(rest)
        self.ended.callback(None)

    def writeConnectionLost(self) -> None:
        """Give up: whoever read our output has gone."""
        assert self.transport is not None
        self.transport.loseConnection()
        # With nothing left to write, StandardIO won't tell that it is done.
        self.gone.callback(None)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Tell that all has been written."""
        if not self.gone.called:
            self.gone.callback(None)

    # What the client calls.

    def show(self, message: str | bytes) -> None:
        """Write a message that has arrived."""
        if self._steerable and isinstance(message, bytes):
            message = f"[binary, {len(message)} bytes] {message.hex(' ')}"
        if self.terminal:
            self._insert(f"< {message!s}")
            return
        if self._steerable:
            message = printable(str(message))
        assert self.transport is not None
        data = message.encode() if isinstance(message, str) else message
        self.transport.write(data + b"\n")

    def note(self, text: str) -> None:
        """Show a remark of our own; there is no place for it in a pipe."""
        if self.terminal:
            self._insert(text)

    def leave(self) -> Deferred[None]:
        """Write what remains and let the terminal go."""
        if not self.gone.called:
            assert self.transport is not None
            if self.terminal:
                self.transport.write(b"\r\x1b[K")
            self.transport.loseConnection()
        return self.gone

    def _insert(self, text: str) -> None:
        assert self.transport is not None
        width = shutil.get_terminal_size().columns
        for row in rows(printable(text), width):
            self.transport.write(_ABOVE + row.encode() + _BACK)

    def _prompt(self) -> None:
        if self.terminal:
            assert self.transport is not None
            self.transport.write(_PROMPT)

    def _sent(self, _: object) -> None:
        self.resumeProducing()  # type: ignore[no-untyped-call]


def printable(text: str) -> str:
    """Return the text with what could steer a terminal made visible; newlines stay."""
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1]
        for character in text
    )


def say(text: str) -> None:
    """Say something in one line on stderr, where it isn't among the messages."""
    # Some of it may be the server's words.
    print(printable(text).replace("\n", " "), file=sys.stderr, flush=True)


def rows(text: str, width: int) -> Iterator[str]:
    """Cut a text into the rows of a terminal that is so many cells wide."""
    for line in text.split("\n"):
        row, taken = "", 0
        for character in line:
            cells = 0 if combining(character) else 1 + (east_asian_width(character) in "WF")
            if taken + cells > width:
                yield row
                row, taken = "", 0
            row += character
            taken += cells
        yield row
