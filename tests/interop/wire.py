"""The frames that travel on a connection of ours."""

from dataclasses import dataclass

from tests.interop.directions import RecordingClient, RecordingServer

CONT, TEXT, BINARY = 0, 1, 2


@dataclass(frozen=True)
class Frame:
    """A frame's header, without the mask."""

    opcode: int
    fin: bool
    compressed: bool
    size: int


def frames_in(stream):
    """Return the frames of a stream, which begins with the handshake."""
    frames, position = [], stream.index(b"\r\n\r\n") + 4
    while position < len(stream):
        first, second = stream[position : position + 2]
        size, start = second & 0x7F, position + 2
        if size >= 126:
            start += 2 if size == 126 else 8
            size = int.from_bytes(stream[position + 2 : start], "big")
        frames.append(Frame(first & 0xF, bool(first & 0x80), bool(first & 0x40), size))
        position = start + (4 if second & 0x80 else 0) + size
    return frames


class Tap:
    """A socket that keeps the bytes that it has sent."""

    def __init__(self, socket, written):
        self._socket, self._written = socket, written

    def fileno(self):
        """Return -1, for no descriptor, so that no byte can bypass this."""
        return -1

    def send(self, data):
        sent = self._socket.send(data)
        self._written += data[:sent]
        return sent


class Wired:
    """Keeps every byte that is written and read."""

    _passing_on = False

    def makeConnection(self, transport):
        self._written, self._read = bytearray(), bytearray()
        write = transport.write

        def keep_and_write(data):
            self._written += data
            write(data)

        transport.write = keep_and_write
        tap = Tap(transport.getHandle(), self._written)
        transport.getHandle = lambda: tap
        super().makeConnection(transport)

    def dataReceived(self, data):
        # Bytes after the handshake are passed on by a nested call of this.
        if not self._passing_on:
            self._read += data
        self._passing_on = True
        super().dataReceived(data)
        self._passing_on = False

    def forget_frames(self):
        """Forget the frames so far; no frame may be under way."""
        self._written[:] = self._read[:] = b"\r\n\r\n"

    def sent(self):
        """Return the frames of our messages so far."""
        return [frame for frame in frames_in(self._written) if frame.opcode <= BINARY]

    def received(self):
        """Return the frames of the peer's messages so far."""
        return [frame for frame in frames_in(self._read) if frame.opcode <= BINARY]


class WiredServer(Wired, RecordingServer):
    pass


class WiredClient(Wired, RecordingClient):
    pass
