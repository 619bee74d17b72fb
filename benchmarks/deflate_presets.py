"""The cost and the ratio of each preset of permessage-deflate, as a table for the docs.

    python benchmarks/deflate_presets.py

The messages are a made-up trading feed in JSON. Memory is the growth of a process for each
connection, with the server's end alone and a new process for each row. CPU time and ratio are
those of one connection. Rows for zlib-ng need the extra `fast`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from txws2.wire import zlib_library as zlibs
from txws2.wire.connection import Connection
from txws2.wire.http.grammar import parse_extensions
from txws2.wire.permessage_deflate import (
    PRESETS,
    Deflate,
    PerMessageDeflate,
    accept_offer,
    make_offers,
)

CONNECTIONS = 500
MESSAGES = 2000
ROWS: dict[str, PerMessageDeflate | None] = {
    "none": None,
    "memory": PRESETS["memory"],
    "balanced": PRESETS["balanced"],
    "balanced, zlib-ng": PRESETS["balanced"],
    "the same, level=2": replace(PRESETS["balanced"], level=2),
    "ratio": PRESETS["ratio"],
    "ratio, zlib-ng": PRESETS["ratio"],
}
WITH_NG = ("balanced, zlib-ng", "the same, level=2", "ratio, zlib-ng")


def feed(trades: int) -> Iterator[str]:
    """Generate messages with this number of trades each."""
    random = Random(trades)
    symbols = ["AAPL", "MSFT", "GOOG", "AMZN", "TSLA", "NVDA", "META"]
    sequence = 0
    while True:
        sequence += 1
        items = [
            {
                "symbol": random.choice(symbols),
                "price": round(random.uniform(10, 999), 2),
                "size": random.randrange(1, 5000),
                "side": random.choice(("buy", "sell")),
            }
            for _ in range(trades)
        ]
        now = 1_700_000_000_000 + sequence * 137 + random.randrange(100)
        yield json.dumps({"type": "trades", "seq": sequence, "ts": now, "items": items})


def agree(options: PerMessageDeflate | None) -> Deflate | None:
    """Return the parameters that a server and a client with these options agree on."""
    if options is None:
        return None
    accepted = accept_offer(parse_extensions(make_offers(options)), options)
    assert accepted is not None
    return accepted[0]


def pair(options: PerMessageDeflate | None) -> tuple[Connection, Connection]:
    """Make the server's and the client's end of a connection."""
    deflate = agree(options)
    server, client = (
        Connection(client=client, deflate=deflate, compression=options) for client in (False, True)
    )
    return server, client


def resident() -> float:
    """Return the memory of this process, in KiB."""
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmRSS:")[1].split()[0])


def memory(options: PerMessageDeflate | None) -> tuple[float, float]:
    """Return the KiB for each connection, before the first message and after twenty."""
    deflate = agree(options)
    messages = feed(10)
    asked = [next(messages) for _ in range(20)]
    _, client = pair(options)
    spoken = [client.send_message(message) for message in asked]
    before = resident()
    servers = [
        Connection(client=False, deflate=deflate, compression=options) for _ in range(CONNECTIONS)
    ]
    idle = resident() - before
    for server in servers:
        for message, frame in zip(asked, spoken, strict=True):
            server.receive(frame)
            server.send_message(message)
    return idle / CONNECTIONS, (resident() - before) / CONNECTIONS


def work(options: PerMessageDeflate | None, trades: int) -> tuple[float, float, float]:
    """Return the ratio, and the microseconds to send and to receive a message."""
    server, client = pair(options)
    messages = feed(trades)
    plain = [next(messages) for _ in range(MESSAGES)]
    start = time.process_time()
    frames = [server.send_message(message) for message in plain]
    sent = time.process_time()
    for frame in frames:
        client.receive(frame)
    received = time.process_time()
    ratio = sum(map(len, frames)) / sum(map(len, plain))
    return ratio, (sent - start) / MESSAGES * 1e6, (received - sent) / MESSAGES * 1e6


def measure(name: str) -> None:
    """Print the row of a preset."""
    if name not in WITH_NG:
        zlibs.NG = None
    elif zlibs.NG is None:
        raise SystemExit("zlib-ng isn't installed")
    options = ROWS[name]
    idle, active = memory(options)
    cells = [name, f"{idle:.1f}", f"{active:.1f}"]
    for trades in (1, 70):
        ratio, send, receive = work(options, trades)
        cells += [f"{ratio:.2f}", f"{send:.0f} + {receive:.0f}"]
    print("   * - " + "\n     - ".join(cells))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        for each in ROWS:
            subprocess.run([sys.executable, __file__, each], check=True)
