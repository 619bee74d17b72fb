"""The workloads: the messages that a server gets, and the figure that counts."""

from dataclasses import dataclass, replace

__all__ = ["CPU", "MEMORY", "WORKLOADS", "Workload"]

CPU = "cpu_us"
MEMORY = "kib"


@dataclass(frozen=True)
class Workload:
    """A workload.

    Attributes:
        name: its name on the command line and in the tables.
        kind: its name for the load generator.
        connections: the number of connections that send messages.
        silent: the number of other connections, which are open and silent.
        depth: the number of messages in flight on each connection.
        size: the size of a message, in bytes.
        largest: the size of the largest message of a mix, None if all have the same size.
        contents: "ascii" or "unicode" for JSON, "binary" for random bytes.
        fragments: the number of frames of a message.
        pings: True to send a ping before each message.
        browser: True for requests with the header fields of a browser.
        needs: the server's feature besides an echo: "deflate", "broadcast", "tls", or "frames" for
            a server that reads the headers of the frames.
        unit: the name of the counted unit.
        figure: the key of the main figure in the result.
    """

    name: str
    kind: str = "echo"
    connections: int = 1
    silent: int = 0
    depth: int = 1
    size: int = 32
    largest: int | None = None
    contents: str = "ascii"
    fragments: int = 1
    pings: bool = False
    browser: bool = False
    needs: str | None = None
    unit: str = "message"
    figure: str = CPU

    def arguments(self) -> list[str]:
        """Return the load generator's arguments for this workload."""
        words = [self.kind, f"--connections={self.connections}", f"--silent={self.silent}"]
        words += [f"--depth={self.depth}", f"--size={self.size}"]
        if self.largest is not None:
            words.append(f"--largest={self.largest}")
        if self.contents != "ascii":
            words.append(f"--{self.contents}")
        if self.fragments > 1:
            words.append(f"--fragments={self.fragments}")
        if self.pings:
            words.append("--pings")
        if self.browser:
            words.append("--browser")
        if self.needs in ("deflate", "tls"):
            words.append(f"--{self.needs}")
        return words


def _forms(load: Workload) -> list[Workload]:
    """Return the same load with fragments, with pings, and with text that isn't ASCII."""
    return [
        replace(load, name=f"{load.name}-fragments", fragments=4, needs="frames"),
        replace(load, name=f"{load.name}-pings", pings=True, needs="frames"),
        replace(load, name=f"{load.name}-unicode", contents="unicode"),
    ]


_ECHO = Workload("echo", connections=100)
_STREAM1K = Workload("stream1K", connections=4, size=1000, depth=500)
_STREAM4K = Workload("stream4K", connections=10, size=2**12, depth=16, contents="binary")
_HANDSHAKES = Workload("handshakes", kind="handshakes", connections=8, unit="handshake")
_OPENINGS = replace(_HANDSHAKES, name="openings", kind="openings")
# The first 100 idle connections don't count: with them, the server makes what it needs only once.
_IDLE = Workload("idle", kind="memory", connections=2100, depth=0, unit="connection", figure=MEMORY)

WORKLOADS = {
    workload.name: workload
    for workload in [
        _ECHO,
        Workload("single"),
        Workload("pipelined", connections=10, depth=64),
        Workload("64KiB", connections=10, size=2**16, contents="binary"),
        Workload("1MiB", connections=4, size=2**20, contents="binary"),
        Workload("stream100", connections=4, size=100, depth=2000),
        _STREAM1K,
        _STREAM4K,
        replace(_STREAM4K, name="stream16K", size=2**14),
        replace(_STREAM4K, name="mix", size=1, largest=2**20, needs="frames"),
        *_forms(_ECHO),
        *_forms(_STREAM1K),
        Workload("stream512z", connections=10, size=512, depth=64, needs="deflate"),
        Workload("deflate512", connections=10, size=512, needs="deflate"),
        Workload("deflate8K", connections=10, size=8192, needs="deflate"),
        Workload("tls", connections=50, needs="tls"),
        Workload("tlsstream", connections=4, size=1000, depth=200, needs="tls"),
        Workload("tls64KiB", connections=4, size=2**16, contents="binary", needs="tls"),
        Workload(
            "broadcast",
            kind="broadcast",
            connections=500,
            size=128,
            needs="broadcast",
            unit="delivery",
        ),
        _HANDSHAKES,
        replace(_HANDSHAKES, name="tlshandshakes", needs="tls"),
        _OPENINGS,
        replace(_OPENINGS, name="tlsopenings", needs="tls"),
        Workload("growth", connections=100, silent=9900),
        _IDLE,
        replace(_IDLE, name="idle-tls", needs="tls"),
        replace(_IDLE, name="idle-deflate", needs="deflate"),
        replace(_IDLE, name="used-deflate", connections=10_100, depth=1, size=512, needs="deflate"),
    ]
}
