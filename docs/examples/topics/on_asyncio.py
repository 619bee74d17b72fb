"""An echo on asyncio without Twisted: python on_asyncio.py"""

import asyncio

from txws2.wire.connection import Connection
from txws2.wire.events import Closing, Failed
from txws2.wire.exceptions import InvalidHandshake
from txws2.wire.handshake.server import acceptance, check_request, refusal, select_compression
from txws2.wire.http.readers import RequestReader
from txws2.wire.permessage_deflate import PerMessageDeflate

OPEN_TIMEOUT = 10
OPTIONS = PerMessageDeflate()


class Echo(asyncio.Protocol):
    """Sends every message back, compressed if the client can do that."""

    connection = None

    def connection_made(self, transport):
        self.transport = transport
        self.reader = RequestReader()
        loop = asyncio.get_running_loop()
        self.deadline = loop.call_later(OPEN_TIMEOUT, transport.abort)

    def connection_lost(self, exc):
        self.deadline.cancel()
        if self.connection is not None:
            self.connection.connection_lost(exc)

    # A client that doesn't read isn't read from either.
    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()

    def data_received(self, data):
        if self.connection is None:
            data = self.open(data)
        if self.connection is not None:
            self.transport.write(b"".join(map(self.react, self.connection.receive(data))))
            if self.connection.discarding:
                self.transport.close()

    def open(self, data):
        """Take bytes of the handshake; return those after it."""
        try:
            request = self.reader.receive(data)
            if request is None:
                return b""
            check_request(request)
            agreed = select_compression(request, OPTIONS)
        except InvalidHandshake as exc:
            self.transport.write(refusal(exc).serialize())
            self.transport.close()
            return b""
        self.deadline.cancel()
        deflate, extensions = agreed or (None, None)
        self.transport.write(acceptance(request, None, extensions))
        self.connection = Connection(client=False, deflate=deflate, compression=OPTIONS)
        return self.reader.rest

    def react(self, event):
        """Return the bytes that an event makes necessary."""
        if isinstance(event, (str, bytes)):
            return self.connection.send_message(event)
        if isinstance(event, (Closing, Failed)):
            print(event)
        return self.connection.answer(event)


async def main():
    """Serve for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "localhost", 8000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
