"""The loads: what is said to a server, and what is counted."""

from dataclasses import dataclass

__all__ = ["WORKLOADS", "Workload"]

CPU = "server_cpu_us"
MEMORY = "kib"


@dataclass(frozen=True)
class Workload:
    """One of the loads.

    Attributes:
        name: what it is called on the command line and in the tables.
        kind: what the load generator calls it.
        connections: those that say something.
        silent: those that are open besides.
        depth: messages in flight on each.
        size: bytes of a message.
        browser: whether a request says all that a browser does.
        binary: whether the messages are binary, and random, instead of JSON.
        needs: what the server must do besides an echo, "deflate", "broadcast" or "tls".
        unit: what is counted.
        figure: the key of the result that matters.
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
        """Return the words that tell the load generator about it."""
        words = [self.kind, f"--connections={self.connections}", f"--silent={self.silent}"]
        words += [f"--depth={self.depth}", f"--size={self.size}"]
        if self.binary:
            words.append("--binary")
        if self.browser:
            words.append("--browser")
        if self.needs in ("deflate", "tls"):
            words.append(f"--{self.needs}")
        return words


# Of the idle ones, some are opened first and don't count.
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
