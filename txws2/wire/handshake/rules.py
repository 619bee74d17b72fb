"""The opening handshake (RFC 6455 section 4): the rules that hold for both sides."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Collection, Sequence
from hashlib import sha1

from txws2._accelerator import accelerated
from txws2.wire.exceptions import InvalidHeader, InvalidUpgrade, NegotiationError
from txws2.wire.http.fields import Lookup
from txws2.wire.http.grammar import is_token, parse_tokens

__all__ = ["VERSION", "accept_key", "check_subprotocols", "check_upgrade", "single"]

VERSION = "13"
"""The version of the protocol (section 4.1, item 9)."""

# Section 4.2.2, item 5.4. Only a server that knows of WebSockets appends this string to the key.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@accelerated
def accept_key(key: str, /) -> str:
    """Return the Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (section 4.2.2)."""
    # Section 10.8: the handshake "doesn't depend on any security properties of SHA-1". So systems
    # that forbid it for security (FIPS 140) may use it here.
    digest = sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return b2a_base64(digest, newline=False).decode()


_UPGRADES = (["Upgrade"], ["upgrade"])


def single(headers: Lookup, name: str) -> str:
    """Return the value of a header that must occur exactly once.

    Raises:
        InvalidHeader: the header is missing, or occurs more than once.
    """
    # Sections 11.3.1, 11.3.3 and 11.3.5 say of the headers of the handshake that each "MUST NOT
    # appear more than once". Why not take the first one: a proxy may have taken the last.
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
    connections, upgrades = headers.get_all("Connection"), headers.get_all("Upgrade")
    # Nearly all responses have these words alone.
    if connections in _UPGRADES and upgrades == ["websocket"]:
        return
    # Section 4.2.1: Connection "includes the token "Upgrade", treated as an ASCII case-insensitive
    # value." Firefox sends "keep-alive, Upgrade".
    connection = parse_tokens("Connection", connections)
    if "upgrade" not in (token.lower() for token in connection):
        raise InvalidUpgrade("Connection", headers.get("Connection"))
    # RFC 9110 section 7.8: Upgrade is a list of protocols, each a name, or a name and a version. So
    # the words aren't tokens, but parted by commas alone. Section 4.1 has a client accept the value
    # "websocket" and nothing beside it; here it may stand among others, as in a request.
    upgrade = ",".join(upgrades)
    if "websocket" not in (word.strip(" \t").lower() for word in upgrade.split(",")):
        raise InvalidUpgrade("Upgrade", headers.get("Upgrade"))


def check_subprotocols(subprotocols: Sequence[str]) -> None:
    """Check the subprotocols that a user wants to offer or accept.

    Raises:
        TypeError: `subprotocols` isn't a sequence of strings.
        NegotiationError: a subprotocol isn't a token (section 4.1), or occurs twice.
    """
    if isinstance(subprotocols, (str, bytes)):
        # A str is a sequence, too: each of its characters would become a subprotocol.
        raise TypeError(f"subprotocols is a sequence of strings, as [{subprotocols!r}]")
    if not isinstance(subprotocols, Collection):
        kind = type(subprotocols).__name__
        raise TypeError(f"subprotocols is a sequence of strings, as ['chat']; it is {kind}")
    # Section 4.1, item 10: the elements "MUST be non-empty strings with characters in the range
    # U+0021 to U+007E not including separator characters as defined in [RFC2616] and MUST all be
    # unique strings."
    for name in subprotocols:
        if not isinstance(name, str):
            raise TypeError(f"subprotocols is a sequence of strings, as ['chat']; {name!r} is none")
        if not is_token(name):
            raise NegotiationError(f"invalid subprotocol: {name!r} isn't a token")
    if len(set(subprotocols)) < len(subprotocols):
        raise NegotiationError("invalid subprotocols: one occurs twice")
