"""`ws:` and `wss:` in the strings that describe endpoints."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import clientFromString, quoteStringArgument, serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

from txws2.endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint

__all__ = ["client_endpoint", "server_endpoint"]

_CLIENT = ("host", "port", "path", "endpoint")


def server_endpoint(
    prefix: str, reactor: Any, arguments: tuple[str, ...], options: dict[str, str]
) -> WebSocketServerEndpoint:
    r"""Return the endpoint that a server's string describes.

    Such are `ws:8080`, `ws:8080:interface=127.0.0.1:path=/amp`, `ws:unix\:/run/x.sock` and
    `wss:443:privateKey=key.pem:certKey=cert.pem`.

    Args:
        prefix: "ws" or "wss".
        reactor: the reactor to run on.
        arguments: what is between the colons after it.
        options: those that have a name. All but path are Twisted's, of `tcp:` or `ssl:`.

    Raises:
        ValueError: it describes none.
    """
    path = options.pop("path", None)
    below = _below(prefix, reactor, arguments, options)
    return WebSocketServerEndpoint(below, path=path, reactor=reactor)


def _below(
    prefix: str, reactor: Any, arguments: tuple[str, ...], options: dict[str, str]
) -> IStreamServerEndpoint:
    secure = prefix == "wss"
    what = arguments[0] if len(arguments) == 1 else ""
    quoted = next((name for name in options if ":" in name), None)
    if quoted is not None and not arguments:
        # With its colons quoted, an endpoint still has an = that looks like one of ours.
        what = f"{quoted}={options.pop(quoted)}"
    if what.isdecimal():
        if secure and "privateKey" not in options:
            raise ValueError("wss: needs privateKey=, the file of a key, and certKey=, if apart")
        kind = "ssl" if secure else "tcp"
        named = [f"{name}={quoteStringArgument(value)}" for name, value in options.items()]
        what = ":".join([kind, what, *named])
    elif secure or ":" not in what:
        also = "" if secure else r", or another endpoint with \ before its colons"
        raise ValueError(_expected(prefix, f"a port{also}", arguments))
    elif options:
        inside = ", ".join(f"{name}=" for name in options)
        raise ValueError(rf"{prefix}: {inside} belongs to {what!r}, so put \ before its colon")
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, what)
    except TypeError as exc:
        # So Twisted says that it doesn't know an option.
        raise ValueError(f"{prefix}: is {what!r} underneath, which isn't valid: {exc}") from exc
    return endpoint


def client_endpoint(
    prefix: str, reactor: Any, arguments: tuple[str, ...], options: dict[str, str]
) -> WebSocketClientEndpoint:
    r"""Return the endpoint that a client's string describes.

    Such are `ws:example.com`, `ws:localhost:8080:/amp`, `wss:example.com:path=/amp` and
    `ws:localhost:endpoint=unix\:/run/x.sock`.

    Args:
        prefix: "ws" or "wss".
        reactor: the reactor to run on.
        arguments: host, port and path, of which the host is needed.
        options: the same with names, and endpoint: where to connect to instead.

    Raises:
        ValueError: it describes none.
        InvalidURI: the host or the path can't be part of a URI.
    """
    given = dict(zip(_CLIENT, arguments[:3], strict=False))
    if len(arguments) > 3:
        raise ValueError(_expected(prefix, "host, port and path", arguments))
    for name, value in options.items():
        if name not in _CLIENT:
            raise ValueError(f"{prefix}: has no {name}=; it has {', '.join(_CLIENT)}")
        if name in given:
            raise ValueError(f"{prefix}: has {name} twice: {given[name]!r} and {value!r}")
        given[name] = value
    host, port, path = given.get("host"), given.get("port"), given.get("path", "/")
    if not host or set("/?#@") & set(host):
        raise ValueError(_expected(prefix, "a host", arguments))
    if port is not None and not (port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"{prefix}: port must be a number from 1 to 65535; it is {port!r}")
    if not path.startswith("/"):
        raise ValueError(f"{prefix}: path must begin with a slash, as '/amp'; it is {path!r}")
    where = f"[{host}]" if ":" in host else host
    if port is not None:
        where += f":{port}"
    below = given.get("endpoint")
    return WebSocketClientEndpoint(
        reactor,
        f"{prefix}://{where}{path}",
        endpoint=None if below is None else clientFromString(reactor, below),
    )


def _expected(prefix: str, what: str, arguments: tuple[str, ...]) -> str:
    return f"{prefix}: must be followed by {what}; what came is {':'.join(arguments)!r}"
