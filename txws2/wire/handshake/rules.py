"""The opening handshake (RFC 6455 section 4): what both sides must know of it."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Collection, Sequence
from hashlib import sha1

from txws2.wire.exceptions import InvalidHeader, InvalidUpgrade, NegotiationError
from txws2.wire.http.fields import Lookup
from txws2.wire.http.grammar import is_token, parse_tokens

__all__ = ["VERSION", "accept_key", "check_subprotocols", "check_upgrade", "single"]

VERSION = "13"
"""The version of the protocol (section 4.1, item 9)."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(key: str) -> str:
    """Return the Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (section 4.2.2)."""
    digest = sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return b2a_base64(digest, newline=False).decode()


def single(headers: Lookup, name: str) -> str:
    """Return the value of a header that must occur, and only once.

    Raises:
        InvalidHeader: it doesn't.
    """
    values = headers.get_all(name)
    if not values:
        raise InvalidHeader(name)
    if len(values) > 1:
        raise InvalidHeader(name, "it occurs more than once")
    return values[0]


def check_upgrade(headers: Lookup) -> None:
    """Make sure that Connection and Upgrade ask for, or confirm, a WebSocket.

    Raises:
        InvalidUpgrade: they don't.
        InvalidHeaderFormat: Connection isn't a list of tokens.
    """
    # Sections 4.1 and 4.2.1: both are compared without regard to case.
    connection = parse_tokens("Connection", headers.get_all("Connection"))
    if "upgrade" not in (token.lower() for token in connection):
        raise InvalidUpgrade("Connection", headers.get("Connection"))
    # RFC 9110 section 7.8: a list of protocols, each of them name or name/version.
    upgrade = ",".join(headers.get_all("Upgrade"))
    if "websocket" not in (word.strip(" \t").lower() for word in upgrade.split(",")):
        raise InvalidUpgrade("Upgrade", headers.get("Upgrade"))


def check_subprotocols(subprotocols: Sequence[str]) -> None:
    """Check what a user wants to offer or accept.

    Raises:
        TypeError: it isn't a sequence of strings.
        NegotiationError: one isn't a token (section 4.1), or occurs twice.
    """
    if isinstance(subprotocols, (str, bytes)):
        # Each of its characters would be one.
        raise TypeError(f"subprotocols is a sequence of strings, as [{subprotocols!r}]")
    if not isinstance(subprotocols, Collection):
        kind = type(subprotocols).__name__
        raise TypeError(f"subprotocols is a sequence of strings, as ['chat']; it is {kind}")
    for name in subprotocols:
        if not isinstance(name, str):
            raise TypeError(f"subprotocols is a sequence of strings, as ['chat']; {name!r} is none")
        if not is_token(name):
            raise NegotiationError(f"invalid subprotocol: {name!r} isn't a token")
    if len(set(subprotocols)) < len(subprotocols):
        raise NegotiationError("invalid subprotocols: one occurs twice")
