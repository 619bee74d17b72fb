"""The workloads: the messages that a server gets, and the figure that counts."""

from dataclasses import dataclass

__all__ = ["WORKLOADS", "Workload"]

CPU = "server_cpu_us"
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
        binary: True for random binary messages, False for JSON.
        browser: True for requests with the header fields of a browser.
        needs: the server's feature besides an echo: "deflate", "broadcast" or "tls".
        unit: the name of the counted unit.
        figure: the key of the main figure in the result.
    """

    name: str
    kind: str = "echo"
    connections: int = 1
    silent: int = 0
    depth: int = 1
    size: int = 32
    binary: bool = False
    browser: bool = False
    needs: str | None = None
    unit: str = "message"
    figure: str = CPU

    def arguments(self) -> list[str]:
        """Return the load generator's arguments for this workload."""
        words = [self.kind, f"--connections={self.connections}", f"--silent={self.silent}"]
        words += [f"--depth={self.depth}", f"--size={self.size}"]
        if self.binary:
            words.append("--binary")
        if self.browser:
            words.append("--browser")
        if self.needs in ("deflate", "tls"):
            words.append(f"--{self.needs}")
        return words


# The first 100 idle connections don't count: with them, the server makes what it needs only once.
_IDLE = {"kind": "memory", "connections": 2100, "unit": "connection", "figure": MEMORY}

WORKLOADS = {
    workload.name: workload
    for workload in [
        Workload("echo", connections=100),
        Workload("pipelined", connections=10, depth=64),
        Workload("64KiB", connections=10, size=2**16, binary=True),
        Workload("1MiB", connections=4, size=2**20, binary=True),
        Workload("tls", connections=50, needs="tls"),
        Workload("deflate512", connections=10, size=512, needs="deflate"),
        Workload("deflate8K", connections=10, size=8192, needs="deflate"),
        Workload(
            "broadcast",
            kind="broadcast",
            connections=500,
            size=128,
            needs="broadcast",
            unit="delivery",
        ),
        Workload("handshakes", kind="handshakes", connections=8, unit="handshake"),
        Workload("growth", connections=100, silent=9900),
        Workload("idle", depth=0, **_IDLE),
        Workload("idle-deflate", depth=0, needs="deflate", **_IDLE),
        Workload("used-deflate", depth=1, size=512, needs="deflate", **_IDLE),
    ]
}
