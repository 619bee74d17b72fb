"""A client that speaks just enough of the protocol to misbehave, and the memory of a process."""

import os
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import SkipTest

REQUEST = (
    "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{}\r\n"
)


def frame(opcode, payload, mask=b""):
    """Return a frame; a client's has a mask, here one that changes nothing."""
    masked = 0x80 if mask else 0
    if len(payload) < 126:
        return bytes([0x80 | opcode, masked | len(payload)]) + mask + payload
    return bytes([0x80 | opcode, masked | 127]) + len(payload).to_bytes(8, "big") + mask + payload


NO_MASK = bytes(4)


class RawClient(Protocol):
    """Speaks just enough of the protocol to read as slowly as it likes.

    Attributes:
        opened: fires with the response to the handshake; from then on it reads nothing.
        head: the response.
        lost: fires when the connection is gone.
    """

    def __init__(self):
        self.opened = Deferred()
        self.head = b""
        self.lost = Deferred()
        self._received = b""
        self._chunks = DeferredQueue()

    def dataReceived(self, data):
        if self.opened.called:
            self._chunks.put(data)
            return
        self._received += data
        if b"\r\n\r\n" in self._received:
            self.head, _, rest = self._received.partition(b"\r\n\r\n")
            self._received = b""
            self._chunks.put(rest)
            self.transport.pauseProducing()
            self.opened.callback(self.head)

    def connectionLost(self, reason):
        self._chunks.put(b"")
        self.lost.callback(None)

    async def read(self, size):
        """Return exactly this many bytes."""
        chunks, missing = [self._received], size - len(self._received)
        while missing > 0:
            chunks.append(await self._chunks.get())
            missing -= len(chunks[-1])
        data = b"".join(chunks)
        self._received = data[size:]
        return data[:size]


async def connect(test, port, path, client, headers=""):
    """Connect a client that requests a path, with these additional header lines."""
    client = await connectProtocol(HostnameEndpoint(reactor, "127.0.0.1", port), client)
    test.addCleanup(lambda: client.lost)
    test.addCleanup(client.transport.abortConnection)
    client.transport.write(REQUEST.format(path, headers).encode())
    test.assertIn(b" 101 ", await client.opened)
    return client


def need_memory():
    """Skip the test where no process can find out its memory."""
    if not os.path.exists("/proc/self/status"):
        raise SkipTest("there is no /proc to read a process's memory from")


def memory_of(process, figure):
    """Return the bytes of memory that a process has (VmRSS), or has had at most (VmHWM)."""
    status = Path(f"/proc/{process.transport.pid}/status").read_text()
    return 1024 * int(status.split(f"{figure}:")[1].split()[0])
