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

# Twisted accepts empty fields, and every connection would fail.
_FIELDS = {
    "ssl": ("host", "port"),
    "tcp": ("host", "port"),
    "tls": ("host", "port"),
    "unix": ("path",),
}

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
            host = match[1] or match[2]
            check_name(host)
            return HostEndpoint(reactor, host, _port(match[3]))
        if address.startswith(_UNIX):
            path = address.removeprefix(_UNIX)
            if not path:
                raise ValueError("it has no path")
            return UNIXClientEndpoint(reactor, path)
        _check_fields(address)
        found: IStreamClientEndpoint = clientFromString(reactor, address)
    except (TypeError, ValueError, LookupError) as exc:
        raise ValueError(
            "the address of a target is an endpoint string, as 'tcp:localhost:5900', or host and "
            f"port, as 'localhost:5900', or a ws or wss URI; it is {address!r}: {exc}"
        ) from exc
    return found


def _check_fields(address: str) -> None:
    """Make sure that an endpoint string of Twisted has the fields that a connection needs.

    Raises:
        ValueError: one is missing or empty, or the port is no number of a port.
    """
    kind, *given = re.split(r"(?<!\\):", address)
    names = _FIELDS.get(kind.lower(), ())
    split = [re.split(r"(?<!\\)=", each, maxsplit=1) for each in given]
    values = dict(zip(names, (each[0] for each in split if len(each) == 1), strict=False))
    values |= {each[0]: each[1] for each in split if len(each) == 2}
    for name in names:
        if not values.get(name):
            raise ValueError(f"it has no {name}")
    if "port" in names:
        _port(values["port"])


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise ValueError(f"there is no port {text}")
    return int(text)
