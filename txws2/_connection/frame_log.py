"""The debug log: states, handshake lines and every frame; and who else watches the frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from txws2._connection.journal import id_of
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
    """Writes what happens on one connection, at level debug.

    It is only made when debugging is on, so a connection that isn't traced pays nothing.

    Args:
        log: the logger of the connection's side.
        connection: the connection's id, a field of every event.
    """

    def __init__(self, log: Logger, connection: str) -> None:
        self._log = log
        self._connection = connection

    def state(self, state: State) -> None:
        """Log that the connection has come into this state."""
        self._write("=", f"connection is {state.name}")

    def head(self, direction: str, head: bytes) -> None:
        """Log the lines of a request or response, without its body, and without credentials."""
        for line in head.partition(b"\r\n\r\n")[0].split(b"\r\n"):
            text = line.decode("ascii", "backslashreplace")
            name, _, value = text.partition(":")
            if masked(name, value) != value:
                text = f"{name}: {masked(name, value)}"
            self._write(direction, text)

    def frame(self, direction: str, header: Header, payload: bytes) -> None:
        """Log a frame; of one that arrives in pieces, the payload that is there."""
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
        """Log what isn't a frame: a timer that ran out, the end of the transport."""
        self._write("%", text)

    def _write(self, sign: str, text: str) -> None:
        self._log.debug(
            "{connection} {sign} {text}",
            connection=self._connection,
            sign=sign,
            text=escaped(text),
        )


def hooked(hook: FrameHook, connection: Any, log: Logger, traced: Trace | None) -> Trace:
    """Return what calls a hook for each frame of a connection.

    A hook only watches: one that raises is not called any more, and the connection goes on.

    Args:
        hook: what to call.
        connection: what to call it with.
        log: where to say what it has raised.
        traced: what to call before it, if there is such a thing.
    """
    works = True

    def trace(direction: str, header: Header, payload: bytes) -> None:
        nonlocal works
        if traced is not None:
            traced(direction, header, payload)
        if works:
            try:
                hook(connection, direction, header, payload)
            except BaseException:
                works = False
                log.failure(
                    "trace failed, and is not called for this connection any more",
                    connection=id_of(connection),
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
