from typing import Any, final

from txws2.wire.masking import BytesLike

def apply_mask(data: BytesLike, mask: bytes, offset: int = 0, /) -> bytes: ...
def decode_messages(
    data: BytesLike,
    position: int,
    masked: bool,
    max_size: int | None,
    messages: list[str | bytes],
    /,
) -> int: ...
def encode_frame(
    opcode: int, payload: BytesLike, /, *, masked: bool, fin: bool = True, rsv1: bool = False
) -> bytes: ...
def encode_message(message: str | bytes, masked: bool, /) -> bytes: ...
def take_compressed(
    data: BytesLike, position: int, masked: bool, max_size: int | None, /
) -> tuple[int, bytes, int] | None: ...

class Cork:
    corked: bool
    def add(self, frame: bytes, /) -> int: ...
    def take(self) -> bytes: ...

class Exchange:
    keepalive_heard: bool
    _connection: Any
    _outbox: Any
    _turns: Any
    _held: list[bytes] | None
    _shut: bool
    _busy: bool
    def dataReceived(self, data: bytes, /) -> None: ...
    def sendMessage(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None: ...

@final
class PayloadBuffer:
    def __new__(cls, length: int, mask: bytes | None, /) -> PayloadBuffer: ...
    @property
    def missing(self) -> int: ...
    def add(self, data: BytesLike, start: int = 0, /) -> int: ...
    def finish(self) -> bytes: ...
