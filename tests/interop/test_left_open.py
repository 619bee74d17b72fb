"""Servers that send their close frame and leave TCP open, on real sockets."""

import socket
import ssl
from pathlib import Path

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

import txws2
from tests.support.certificates import make_pems
from tests.support.sides import CLOSE, answer, closing
from txws2.wire.frames import encode_frame

CERTIFICATE, KEY = make_pems("localhost")


class LeftOpenTests(TestCase):
    """Without a close_timeout, the client would wait until the test times out."""

    timeout = 30
    secure = False

    def setUp(self):
        path = Path(self.mktemp())
        path.mkdir()
        self.authority = path / "authority.pem"
        self.authority.write_bytes(CERTIFICATE)
        self.pem = path / "server.pem"
        self.pem.write_bytes(CERTIFICATE + KEY)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)

    def serve(self, begins):
        """Be a blocking server that ends TCP only after the client; return the bytes received."""
        connection, _ = self.listener.accept()
        if self.secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.pem)
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            connection.sendall(answer(connection.recv(65536)))
            frame = encode_frame(CLOSE, closing(1000), masked=False)
            received = b""
            if begins:
                connection.sendall(frame)
            else:
                received = connection.recv(65536)
                connection.sendall(frame)
            while data := connection.recv(65536):
                received += data
            return received

    async def end(self, begins):
        """Let the connection end; return the client's end of it."""
        served = deferToThread(self.serve, begins)
        port = self.listener.getsockname()[1]
        scheme = "wss" if self.secure else "ws"
        ws = await txws2.connect(
            f"{scheme}://localhost:{port}/",
            tls=str(self.authority),
            close_timeout=None,
            ping_interval=None,
        )
        if begins:
            await ws.wait_closed()
        else:
            await ws.close()
        received = await served
        self.assertEqual(received[:2], bytes([0x80 | CLOSE, 0x80 | 2]))
        self.assertEqual(len(received), 8)
        return ws

    async def test_a_client_that_began_is_done(self):
        ws = await self.end(begins=False)
        self.assertEqual(ws.close_code, 1000)

    async def test_a_client_that_did_not_begin_is_done(self):
        ws = await self.end(begins=True)
        self.assertEqual(ws.close_code, 1000)


class LeftOpenTLSTests(LeftOpenTests):
    """The server ends TLS properly, and leaves TCP open."""

    secure = True
