"""The debug log of states, handshake lines and frames; and the frame hook of an application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from txws2.exceptions import ProtocolError
from txws2.wire.closing import Close
from txws2.wire.connection import State, Trace
from txws2.wire.escaping import escaped
from txws2.wire.frames import CLOSE, TEXT, Header, Opcode
from txws2.wire.http.credentials import masked

__all__ = ["FrameHook", "Tracer", "hooked"]

FrameHook = Callable[[Any, str, Header, bytes], object]
"""Called for each frame with its connection, "<" or ">", its header, and its payload."""

_MAX_LENGTH = 75
"""Characters of a payload that are shown."""


class Tracer:
    """Logs the events of one connection, at level debug.

    It is only made when debugging is on, so a connection that isn't traced pays nothing.

    Args:
        log: the logger of the connection's side.
        connection: the connection's id, a field of every event.
    """

    def __init__(self, log: Logger, connection: str) -> None:
        self._log = log
        self._connection = connection

    def state(self, state: State) -> None:
        """Log that the connection has entered this state."""
        self._write("=", f"connection is {state.name}")

    def head(self, direction: str, head: bytes) -> None:
        """Log the head of a request or response, line by line, without credentials."""
        for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n"):
            text = line.decode("ascii", "backslashreplace")
            name, _, value = text.partition(":")
            if masked(name, value) != value:
                text = f"{name}: {masked(name, value)}"
            self._write(direction, text)

    def frame(self, direction: str, header: Header, payload: bytes) -> None:
        """Log a frame; if it arrives in pieces, with the part of the payload that has come."""
        opcode, length = header.opcode, header.length
        notes = [f"{length} byte" if length == 1 else f"{length} bytes"]
        if header.rsv1:
            shown = _shorten(payload[:_MAX_LENGTH].hex(" "))
            notes.insert(0, "compressed")
        elif opcode == TEXT:
            shown = _shorten(repr(payload.decode(errors="replace")))
        elif opcode == CLOSE:
            shown = _close_text(payload)
        else:
            shown = _shorten(payload[:_MAX_LENGTH].hex(" ")) or "''"
            notes.insert(0, "binary")
        if not header.fin:
            notes.append("continued")
        self._write(direction, f"{Opcode(opcode).name} {shown} [{', '.join(notes)}]")

    def note(self, text: str) -> None:
        """Log another event than a frame: a timer that ran out, the end of the transport."""
        self._write("%", text)

    def _write(self, sign: str, text: str) -> None:
        self._log.debug(
            "{connection} {sign} {text}",
            connection=self._connection,
            sign=sign,
            text=escaped(text),
        )


def hooked(hook: FrameHook, driver: Any, log: Logger, traced: Trace | None) -> Trace:
    """Return a function that calls a hook for each frame of a connection.

    A hook only watches: if it raises, it is not called any more, and the connection goes on.

    Args:
        hook: the hook.
        driver: the driver of the connection, which is the hook's first argument.
        log: the log for an exception of the hook.
        traced: a function to call before the hook; None for none.
    """
    works = True

    def trace(direction: str, header: Header, payload: bytes) -> None:
        nonlocal works
        if traced is not None:
            traced(direction, header, payload)
        if works:
            try:
                hook(driver.application, direction, header, payload)
            except BaseException:
                works = False
                log.failure(
                    "trace failed, and is not called for this connection any more",
                    connection=driver.id,
                )

    return trace


def _close_text(payload: bytes) -> str:
    try:
        return str(Close.parse(payload))
    except ProtocolError:
        return payload.hex(" ")


def _shorten(text: str) -> str:
    if len(text) <= _MAX_LENGTH:
        return text
    kept = _MAX_LENGTH - 3
    return f"{text[: kept * 2 // 3]}...{text[-(kept - kept * 2 // 3) :]}"
