"""`python -m benchmarks.programs`: programs behind WebSockets, ours and websocketd's.

The figure is the CPU that the server takes for each line, or for each start of a program; the
programs' own CPU isn't in it. Both servers are measured in turn, several times.
"""

import argparse
import os
import shutil
import socket
import statistics
import struct
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from benchmarks.measuring import CORES, free_port, serving

OURS, THEIRS = "txws2", "websocketd"

_REQUEST = (
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

_SERVER = """
import sys, txws2, txws2.programs
program = txws2.programs.Program(sys.argv[2:])
txws2.run(program, "127.0.0.1", int(sys.argv[1]), compression=None)
"""


class Case(NamedTuple):
    """A measurement.

    Attributes:
        name: its name.
        command: the program behind the server; "{count}" stands for the number of lines.
        run: moves so many lines of such a size on an open connection.
        count: the number of lines, or of programs.
    """

    name: str
    command: Sequence[str]
    run: Callable[["Client", int, int], None]
    count: int


class Client:
    """A client that speaks just enough of RFC 6455.

    Args:
        port: the port of the server.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(_REQUEST.encode())
        self._buffer = b""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        self._buffer = self._buffer.partition(b"\r\n\r\n")[2]

    def again(self) -> "Client":
        """Close this connection and return a new one."""
        self.socket.close()
        return Client(self._port)

    def _fill(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise EOFError("the server has closed the connection")
        self._buffer += data

    def take(self, size: int) -> None:
        """Receive so many bytes."""
        left = size - len(self._buffer)
        while left > 0:
            data = self.socket.recv(1 << 18)
            if not data:
                raise EOFError("the server has closed the connection")
            left -= len(data)
            self._buffer = data[len(data) + left :] if left < 0 else b""
            if left <= 0:
                return
        self._buffer = self._buffer[size:]


def frame(size: int, mask: bytes = b"") -> bytes:
    """Return a text frame with so many bytes of payload; the mask is four zeros, or none."""
    bit = 0x80 if mask else 0
    length = bytes([bit | size]) if size < 126 else struct.pack("!BH", bit | 126, size)
    return b"\x81" + length + mask + b"x" * size


def echo(depth: int) -> Callable[[Client, int, int], None]:
    """Return a run that sends so many lines at once, and waits for their echoes."""

    def run(client: Client, size: int, count: int) -> None:
        sent, answer = frame(size, bytes(4)) * depth, len(frame(size)) * depth
        for _ in range(count // depth):
            client.socket.sendall(sent)
            client.take(answer)

    return run


def lines_in(client: Client, size: int, count: int) -> None:
    """Send lines; the program answers all of them with one."""
    batch = frame(size, bytes(4)) * 1000
    for _ in range(count // 1000):
        client.socket.sendall(batch)
    client.take(len(frame(len("done"))))


def lines_out(client: Client, size: int, count: int) -> None:
    """Receive lines."""
    client.take(len(frame(size)) * count)


def starts(client: Client, size: int, count: int) -> None:
    """Start programs, one after the other, and wait for the line of each."""
    for _ in range(count):
        client.take(len(frame(size)))
        client = client.again()


def cases(size: int) -> list[Case]:
    """Return the measurements with lines of so many bytes."""
    text = "x" * size
    return [
        Case(f"echo {size} B, depth 1", ["cat"], echo(1), 10_000),
        Case(f"echo {size} B, depth 100", ["cat"], echo(100), 60_000),
        Case(
            f"in {size} B, stream",
            ["sh", "-c", "head -n {count} >/dev/null; echo done; cat"],
            lines_in,
            100_000,
        ),
        Case(f"out {size} B, stream", ["yes", text], lines_out, 200_000),
    ]


START = Case("start of a program", ["echo", "x"], starts, 300)


def measure(program: str, case: Case, size: int) -> float:
    """Return the microseconds of CPU that a server takes for each line of a case."""
    port = free_port()
    words = [each.format(count=case.count) for each in case.command]
    if program == OURS:
        command = [sys.executable, "-c", _SERVER, str(port), *words]
    else:
        websocketd = shutil.which(THEIRS) or sys.exit(f"{THEIRS} isn't installed")
        command = [websocketd, "--address=127.0.0.1", f"--port={port}", "--loglevel=error", *words]
    with serving(command, port) as process:
        client = Client(port)
        before = _cpu(process.pid)
        case.run(client, size, case.count)
        used = _cpu(process.pid) - before
        client.socket.close()
    return used / case.count * 1e6


def _cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has taken, in all its threads.

    The scheduler counts nanoseconds; the figures of the whole process are counted in ticks.
    """
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def main() -> None:
    """Measure, and print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.programs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1000])
    options = parser.parse_args()
    os.sched_setaffinity(0, {CORES[-1]})
    measured = [(case, size) for size in options.sizes for case in cases(size)]
    print(f"{'CPU us':28}{OURS:>10}{THEIRS:>12}{'ratio':>8}", flush=True)
    for case, size in [*measured, (START, 1)]:
        found: dict[str, list[float]] = {OURS: [], THEIRS: []}
        for _, program in product(range(options.rounds), found):
            found[program].append(measure(program, case, size))
        ours, theirs = (statistics.median(each) for each in found.values())
        ratio = f"{ours / theirs:8.2f}" if theirs else ""
        print(f"{case.name:28}{ours:10.2f}{theirs:12.2f}{ratio}", flush=True)


if __name__ == "__main__":
    main()
