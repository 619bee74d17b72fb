"""Our `Forward` against websockify: bytes for each second of CPU of the process that forwards.

    python -m benchmarks.forwarding

Both forward to the same service, in turn, in each round. A load is one connection that sends
messages of one size to the service (up), or gets a bulk of bytes from it (down), or sends a message
when the one before has come back (ping-pong). Debian's package websockify has the peer, with numpy.
"""

import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.installing import BUILD
from benchmarks.measuring import free_port, serving
from txws2.wire.frames import encode_frame

__all__ = ["LOADS", "compare"]

ROUNDS = 3
SECONDS = 1.0

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: binary\r\n\r\n"
)
KIB = 1024
_BINARY = 2
_READ = 256 * KIB

SERVER = """
import sys, txws2
from txws2.forward import Forward
forward = Forward(f"tcp:127.0.0.1:{sys.argv[1]}")
txws2.run(forward, "127.0.0.1", int(sys.argv[2]), compression=None)
"""

Load = Callable[[socket.socket, socket.socket, float], int]
"""Puts a load on the client's and the service's end for some seconds; returns the bytes."""


def up(size: int) -> Load:
    """Send messages of this size to the service, as many as go through."""
    frame = encode_frame(_BINARY, os.urandom(size), masked=True)
    # A client sends small messages in batches, as typing and pointing do not; so do others.
    batch = frame * max(1, 64 * KIB // len(frame))

    def put(client: socket.socket, service: socket.socket, seconds: float) -> int:
        with sending(client, batch):
            return received(service, seconds)

    return put


def down(client: socket.socket, service: socket.socket, seconds: float) -> int:
    """Send bytes to the client, as many as go through."""
    with sending(service, os.urandom(256 * KIB)):
        return received(client, seconds)


def ping_pong(size: int) -> Load:
    """Send a message to the service when the one before has come back."""
    frame, payload = encode_frame(_BINARY, os.urandom(size), masked=True), bytes(size)

    def put(client: socket.socket, service: socket.socket, seconds: float) -> int:
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            client.sendall(frame)
            take(service, size)
            service.sendall(payload)
            take_message(client, size)
            count += 1
        return count * size

    return put


LOADS: dict[str, Load] = {
    "up 64 B": up(64),
    "up 1 KiB": up(KIB),
    "up 64 KiB": up(64 * KIB),
    "down bulk": down,
    "ping-pong 64 B": ping_pong(64),
    "ping-pong 1 KiB": ping_pong(KIB),
    "ping-pong 64 KiB": ping_pong(64 * KIB),
}


@contextmanager
def sending(end: socket.socket, data: bytes) -> Iterator[None]:
    """Send this again and again in another thread."""
    going = True

    def send() -> None:
        while going:
            try:
                end.sendall(data)
            except OSError:
                return

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield
    going = False
    end.shutdown(socket.SHUT_RDWR)
    thread.join()


def received(end: socket.socket, seconds: float) -> int:
    """Receive for some seconds; return the number of bytes."""
    buffer, count, stop = bytearray(_READ), 0, time.monotonic() + seconds
    while time.monotonic() < stop:
        count += end.recv_into(buffer)
    return count


def take(end: socket.socket, size: int) -> None:
    """Receive so many bytes."""
    while size:
        size -= len(end.recv(min(size, _READ)))


def take_message(end: socket.socket, size: int) -> None:
    """Receive messages with so many bytes of payload; a forwarder may divide them."""
    while size:
        take(end, 1)
        length = end.recv(1)[0]
        if length > 125:
            wide = 2 if length == 126 else 8
            length = int.from_bytes(end.recv(wide, socket.MSG_WAITALL), "big")
        take(end, length)
        size -= length


def cpu_of(pid: int) -> dict[int, float]:
    """Return the seconds of CPU of a process, and those of each child that runs."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        process = int(stat.parent.name)
        if pid in (process, int(fields[1])):
            found[process] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def measure(command: list[str], service: socket.socket, port: int, load: Load) -> float:
    """Return the bytes that a forwarder carries for each second of its CPU."""
    with serving(command, port) as process, socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(REQUEST)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        end = accepted(service)
        with end:
            before = cpu_of(process.pid)
            count = load(client, end, SECONDS)
            after = cpu_of(process.pid)
            # A child of an earlier connection may have ended meanwhile.
            return count / sum(spent - before.get(each, 0) for each, spent in after.items())


def accepted(service: socket.socket) -> socket.socket:
    """Return the connection that the forwarder has made for our WebSocket, which is the last."""
    end, _ = service.accept()
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return end


def compare(rounds: int = ROUNDS, loads: dict[str, Load] = LOADS) -> dict[str, dict[str, float]]:
    """Return the median of the rounds for each load and forwarder."""
    websockify = shutil.which("websockify")
    BUILD.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, float]] = {}
    for name, load in loads.items():
        figures: dict[str, list[float]] = {}
        for _ in range(rounds):
            for who in ("txws2", *(["websockify"] if websockify else [])):
                port = free_port()
                with socket.create_server(("127.0.0.1", 0)) as service:
                    target = service.getsockname()[1]
                    if who == "txws2":
                        command = [sys.executable, "-c", SERVER, str(target), str(port)]
                    else:
                        command = [str(websockify), f"127.0.0.1:{port}", f"127.0.0.1:{target}"]
                    figures.setdefault(who, []).append(measure(command, service, port, load))
        found[name] = {who: median(values) for who, values in figures.items()}
    return found


def main() -> None:
    """Print a line for each load."""
    for name, load in LOADS.items():
        figures = compare(loads={name: load})[name]
        line = f"{name:18}" + "".join(
            f"{who}: {value / 1e6:9.2f} MB/s of CPU   " for who, value in figures.items()
        )
        if "websockify" in figures:
            line += f"{figures['txws2'] / figures['websockify']:.1f} x"
        print(line, flush=True)


if __name__ == "__main__":
    main()
