"""`ErrorLines` puts what a program prints to its standard error into the log."""

from __future__ import annotations

from twisted.logger import Logger

from txws2.wire.escaping import escaped

__all__ = ["ErrorLines"]

# A longer line is cut: it would make a log hard to read.
_LONGEST = 2000


class ErrorLines:
    """The lines of a program's standard error, each an event of the log.

    Args:
        log: the log.
        name: the name of the program.
        pid: its number.

    Attributes:
        name: the name of the program.
    """

    def __init__(self, log: Logger, name: str, pid: int) -> None:
        self._log = log
        self.name = name
        self._pid = pid
        self._rest = b""
        # True while the rest of a long line, whose beginning is in the log, is passed over.
        self._passing = False

    def receive(self, data: bytes) -> None:
        """Take bytes as they come."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = b""
        for line in lines:
            self._end_line(line)
        if len(rest) > _LONGEST:
            self._end_line(rest)
            self._passing = True
        elif not self._passing:
            self._rest = rest

    def end(self) -> None:
        """Log the last line, if it has no end."""
        if self._rest:
            self._end_line(self._rest)
            self._rest = b""

    def _end_line(self, line: bytes) -> None:
        passing, self._passing = self._passing, False
        if passing:
            return
        text = escaped(line[:_LONGEST].decode(errors="replace").rstrip())
        if len(line) > _LONGEST:
            text += "..."
        self._log.info("{name} [{pid}]: {text}", name=self.name, pid=self._pid, text=text)
