"""The loads of clients: the messages that a client gets or sends."""

from dataclasses import dataclass

from benchmarks.workloads import CPU

__all__ = ["CLIENT_LOADS", "ClientLoad"]


@dataclass(frozen=True)
class ClientLoad:
    """A load of a client.

    Attributes:
        name: its name on the command line and in the tables.
        kind: "feed" to receive all the time, "ask" to send a message and wait for its echo, again
            and again, or "send" to send all the time.
        size: the size of a message, in bytes.
        needs: "deflate" for compressed messages.
        unit: the name of the counted unit.
        figure: the key of the main figure in the result.
    """

    name: str
    kind: str = "feed"
    size: int = 100
    needs: str | None = None
    unit: str = "message"
    figure: str = CPU

    def arguments(self) -> list[str]:
        """Return the arguments of the server that is the load."""
        words = [self.kind, str(self.size)]
        return words if self.needs is None else [*words, self.needs]


CLIENT_LOADS = {
    load.name: load
    for load in [
        ClientLoad("feed100"),
        ClientLoad("feed1K", size=1000),
        ClientLoad("feed16K", size=2**14),
        ClientLoad("feed100z", needs="deflate"),
        ClientLoad("ask32", kind="ask", size=32),
        ClientLoad("send32", kind="send", size=32),
    ]
}
