"""How the bytes of a stream are put in messages, and taken out of them."""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator

__all__ = ["AsWritten", "Base64", "Binary", "Codec", "Text", "codec_for"]

# Far below what any peer accepts, and what a producer writes at once passes whole.
_PIECE_SIZE = 64 * 1024

# What most peers accept of a message, ours among them: 1 MiB.
_LARGEST = 2**20


class Codec:
    """One way to carry a stream in one direction, and another stream in the other.

    Whatever the way out is, messages may come as text or as binary: of text, the stream has the
    UTF-8.
    """

    def messages(self, data: bytes) -> Iterable[str | bytes]:
        """Return the messages that carry the next bytes of the stream.

        Raises:
            TypeError: they aren't bytes.
            ValueError: these bytes can't be carried so.
        """
        raise NotImplementedError

    def end(self) -> None:
        """Make sure that all of the stream was carried.

        Raises:
            ValueError: it wasn't.
        """

    def data(self, message: str | bytes) -> bytes:
        """Return the bytes of the stream that a message carries.

        Raises:
            ValueError: it carries none.
        """
        return message.encode() if isinstance(message, str) else message


class Binary(Codec):
    """In binary messages, of at most 64 KiB."""

    def messages(self, data: bytes) -> Iterable[bytes]:
        """Return a message for what is written, or several if it is large."""
        if isinstance(data, bytes) and len(data) <= _PIECE_SIZE:
            return (data,)
        return _pieces(data, _PIECE_SIZE)


class Text(Codec):
    """In text messages, of whole characters; the stream must be UTF-8.

    Programs that talk to browsers rely on it that what they write at once is one message; up to
    1 MiB it is. They may write str, too.
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")()

    def messages(self, data: bytes | str) -> Iterator[str]:
        """Return a message for what is written; an unfinished character waits for its rest."""
        if isinstance(data, str):
            data = data.encode()
        for piece in _pieces(data, _LARGEST):
            text = self._decoder.decode(piece)
            if text:
                yield text

    def end(self) -> None:
        """Make sure that the stream doesn't end within a character."""
        self._decoder.decode(b"", final=True)


class Base64(Codec):
    """In text messages, each of which is Base64 of its own, for peers that have no binary ones."""

    # It grows by a third.
    _PIECE_SIZE = _PIECE_SIZE // 4 * 3

    def messages(self, data: bytes) -> Iterator[str]:
        """Return a message for what is written, or several if it is large."""
        for piece in _pieces(data, self._PIECE_SIZE):
            yield b64encode(piece).decode("ascii")

    def data(self, message: str | bytes) -> bytes:
        """Return what a message decodes to."""
        return a2b_base64(message, strict_mode=True)


class AsWritten(Codec):
    """Of what is written at once one message: of bytes a binary one, of a str a text."""

    def messages(self, data: bytes | str) -> Iterable[str | bytes]:
        """Return a message for what is written; of more than 1 MiB of bytes, several."""
        return (data,) if isinstance(data, str) else _pieces(data, _LARGEST)


def codec_for(subprotocol: str | None, *, text: bool) -> Codec:
    """Return what carries a stream.

    Args:
        subprotocol: the one agreed on. With "base64" and "binary", which old clients offer, it
            alone decides.
        text: whether to send text messages otherwise.
    """
    if subprotocol == "base64":
        return Base64()
    return Text() if text and subprotocol != "binary" else Binary()


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    whole = memoryview(data)
    for start in range(0, len(whole), size):
        yield bytes(whole[start : start + size])
