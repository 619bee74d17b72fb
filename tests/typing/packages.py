"""`import txws2` is enough for the documented packages and modules."""

import txws2


def code_of(exception: txws2.exceptions.ConnectionClosed) -> int | None:
    return None if exception.rcvd is None else exception.rcvd.code


def messages(data: bytes) -> list[txws2.wire.events.Event]:
    return txws2.wire.connection.Connection(client=True).receive(data)


def counted(tally: txws2.wire.counts.Tally) -> int:
    return tally.frames_in[txws2.wire.frames.Opcode.TEXT]


dialer: type[txws2.client.Dialer]
presence: type[txws2.interfaces.Presence]
stream: type[txws2.streams.ByteStream]
upgrade: type[txws2.server.Upgrade]
