"""The address of a target, from text: an endpoint string, host and port, or the URI of a server."""

from __future__ import annotations

import re
from typing import Any, Union, cast

from twisted.internet.endpoints import UNIXClientEndpoint, clientFromString
from twisted.internet.interfaces import IStreamClientEndpoint

from txws2._checks.kinds import shown
from txws2._transport.dns import check_name
from txws2.client.happy_eyeballs import HostEndpoint
from txws2.wire.escaping import anonymous, escaped
from txws2.wire.http.uris import parse_uri

__all__ = ["Address", "described", "is_websocket", "parse_address"]

# Old versions of zope.interface have no "|".
Address = Union[str, IStreamClientEndpoint]  # noqa: UP007
"""A ws or wss URI, or an endpoint."""

_HOST_AND_PORT = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]/]+)):([0-9]{1,5})")

# websockify writes a Unix socket so.
_UNIX = "unix_socket:"


def is_websocket(address: object) -> bool:
    """Tell whether an address is the URI of a WebSocket server."""
    return isinstance(address, str) and address.lower().startswith(("ws://", "wss://"))


def described(address: Address) -> str:
    """Return an address for a log, without a user name and a password."""
    return escaped(anonymous(address)) if isinstance(address, str) else repr(address)


def parse_address(address: object, reactor: Any) -> Address:
    """Return the endpoint for an address; a ws or wss URI is only checked.

    Args:
        address: an endpoint, an endpoint string, "host:port", or a ws or wss URI.
        reactor: the reactor for the endpoint.

    Raises:
        TypeError: it is neither a str nor an endpoint.
        InvalidURI: it is the URI of no WebSocket server.
        ValueError: it is no address at all.
    """
    if not isinstance(address, str):
        if not hasattr(address, "connect"):
            raise TypeError(
                "the address of a target is a str, as 'tcp:localhost:5900', or an endpoint with a "
                f"connect(); it is {shown(address)}"
            )
        return cast(IStreamClientEndpoint, address)
    if is_websocket(address):
        parse_uri(address)
        return address
    return _endpoint(address, reactor)


def _endpoint(address: str, reactor: Any) -> IStreamClientEndpoint:
    match = _HOST_AND_PORT.fullmatch(address)
    try:
        if match is not None:
            host, port = match[1] or match[2], int(match[3])
            check_name(host)
            if not 0 < port < 2**16:
                raise ValueError(f"there is no port {port}")
            return HostEndpoint(reactor, host, port)
        if address.startswith(_UNIX):
            return UNIXClientEndpoint(reactor, address.removeprefix(_UNIX))
        found: IStreamClientEndpoint = clientFromString(reactor, address)
    except (TypeError, ValueError, LookupError) as exc:
        raise ValueError(
            "the address of a target is an endpoint string, as 'tcp:localhost:5900', or host and "
            f"port, as 'localhost:5900', or a ws or wss URI; it is {address!r}: {exc}"
        ) from exc
    return found
