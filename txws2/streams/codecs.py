"""Codecs put the bytes of a stream into messages, and take them out again."""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator

__all__ = ["AsWritten", "Base64", "Binary", "Codec", "Text", "codec_for"]

# Every peer accepts messages of this size, and a producer seldom writes more at once.
_PIECE_SIZE = 64 * 1024

# 1 MiB is the largest message that most peers accept, txws2 among them.
_LARGEST = 2**20


class Codec:
    """Carries one stream out and another one in.

    Each codec accepts text and binary messages; a text message carries its UTF-8.
    """

    def messages(self, data: bytes) -> Iterable[str | bytes]:
        """Return the messages that carry the next bytes of the stream.

        Raises:
            TypeError: data isn't bytes.
            ValueError: this codec can't carry these bytes.
        """
        raise NotImplementedError

    def end(self) -> None:
        """Check that the messages have carried the whole stream.

        Raises:
            ValueError: they haven't.
        """

    def data(self, message: str | bytes) -> bytes:
        """Return the bytes of the stream that a message carries.

        Raises:
            ValueError: the message isn't of this codec.
        """
        return message.encode() if isinstance(message, str) else message


class Binary(Codec):
    """Carries the stream in binary messages of at most 64 KiB."""

    def messages(self, data: bytes) -> Iterable[bytes]:
        """Return one message for the data of a write, or several if it is large."""
        if isinstance(data, bytes) and len(data) <= _PIECE_SIZE:
            return (data,)
        return _pieces(data, _PIECE_SIZE)


class Text(Codec):
    """Carries the stream in text messages of whole characters; the stream must be UTF-8.

    A write of at most 1 MiB is one message, because programs that talk to browsers rely on that.
    They may write str, too.
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")()

    def messages(self, data: bytes | str) -> Iterator[str]:
        """Return messages for the data of a write; an incomplete character waits for its rest."""
        if isinstance(data, str):
            data = data.encode()
        for piece in _pieces(data, _LARGEST):
            text = self._decoder.decode(piece)
            if text:
                yield text

    def end(self) -> None:
        """Check that the stream doesn't end within a character."""
        self._decoder.decode(b"", final=True)


class Base64(Codec):
    """Carries the stream as Base64 in text messages, for peers without binary messages."""

    # Base64 is longer than its data by a third.
    _PIECE_SIZE = _PIECE_SIZE // 4 * 3

    def messages(self, data: bytes) -> Iterator[str]:
        """Return one message for the data of a write, or several if it is large."""
        for piece in _pieces(data, self._PIECE_SIZE):
            yield b64encode(piece).decode("ascii")

    def data(self, message: str | bytes) -> bytes:
        """Return the decoded message; each message is Base64 on its own."""
        return a2b_base64(message, strict_mode=True)


class AsWritten(Codec):
    """Carries each write in one message: bytes in a binary message, a str in a text message."""

    def messages(self, data: bytes | str) -> Iterable[str | bytes]:
        """Return one message for the data of a write, or several for more than 1 MiB of bytes."""
        return (data,) if isinstance(data, str) else _pieces(data, _LARGEST)


def codec_for(subprotocol: str | None, *, text: bool) -> Codec:
    """Return the codec of a connection.

    Args:
        subprotocol: the subprotocol of the connection. "base64" and "binary", which old clients
            offer, decide alone.
        text: with any other subprotocol, True to send text messages.
    """
    if subprotocol == "base64":
        return Base64()
    return Text() if text and subprotocol != "binary" else Binary()


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    whole = memoryview(data)
    for start in range(0, len(whole), size):
        yield bytes(whole[start : start + size])
