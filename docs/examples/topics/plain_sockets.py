"""An echo on plain sockets and threads, and a client of it: python plain_sockets.py"""

import socket
from threading import Thread

from txws2.wire.connection import Connection
from txws2.wire.events import Closing, Failed
from txws2.wire.exceptions import InvalidHandshake
from txws2.wire.handshake.client import build_request, check_response
from txws2.wire.handshake.server import acceptance, check_request, refusal
from txws2.wire.http.readers import RequestReader, ResponseReader
from txws2.wire.http.uris import parse_uri


def read_head(sock, reader):
    """Read a request or a response; the bytes after it are in reader.rest."""
    while True:
        data = sock.recv(4096)
        if not data:
            raise ConnectionResetError("the peer has left during the handshake")
        head = reader.receive(data)
        if head is not None:
            return head


def accept(sock):
    """Open a WebSocket as its server; return the connection and the first bytes."""
    reader = RequestReader()
    try:
        request = read_head(sock, reader)
        check_request(request)
    except InvalidHandshake as exc:
        sock.sendall(refusal(exc).serialize())
        raise
    sock.sendall(acceptance(request, None))
    return Connection(client=False), reader.rest


def connect(sock, uri):
    """Open a WebSocket as its client; return the connection and the first bytes."""
    request = build_request(parse_uri(uri))
    sock.sendall(request.serialize())
    reader = ResponseReader()
    response = read_head(sock, reader)
    check_response(request, response)
    return Connection(client=True), reader.rest


def messages(sock, connection, data):
    """Generate the peer's messages until the end; answer all other frames."""
    data = data or sock.recv(65536)
    while data:
        for event in connection.receive(data):
            if isinstance(event, (str, bytes)):
                yield event
                continue
            sock.sendall(connection.answer(event))
            if isinstance(event, (Closing, Failed)):
                return
        data = sock.recv(65536)


def serve_one(sock):
    """Send each message of a client back."""
    with sock:
        connection, data = accept(sock)
        for message in messages(sock, connection, data):
            sock.sendall(connection.send_message(message))


def serve(port):
    """Accept clients for ever, each in a thread of its own."""
    while True:
        sock, _ = port.accept()
        Thread(target=serve_one, args=[sock], daemon=True).start()


def main():
    """Start the echo, and talk to it."""
    with socket.create_server(("localhost", 8000)) as port:
        Thread(target=serve, args=[port], daemon=True).start()
        with socket.create_connection(("localhost", 8000)) as sock:
            connection, data = connect(sock, "ws://localhost:8000/")
            sock.sendall(connection.send_message("hello"))
            heard = messages(sock, connection, data)
            print(next(heard))
            sock.sendall(connection.send_close(1000, "bye"))
            print([*heard], connection.closing.rcvd)


if __name__ == "__main__":
    main()
