"""The parsers of `ws:` and `wss:` in endpoint strings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from OpenSSL.crypto import Error
from twisted.internet.endpoints import clientFromString, quoteStringArgument, serverFromString
from twisted.internet.error import VerifyError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.ssl import PrivateCertificate

from txws2._checks.quantities import duration
from txws2._connection.remedies import Spelling
from txws2.client.tls import ClientCertificate
from txws2.streams.endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint

__all__ = ["client_endpoint", "server_endpoint"]

_WHERE = ("host", "port", "path")

# Twisted's own endpoint strings have both names for the certificates to trust.
_TRUST = ("trustRoots", "caCertsDir")
_SECURE = (*_TRUST, "certificate", "privateKey", "serverHostname")
_HEADER = "header."
_CLIENT = (
    *_WHERE,
    *("endpoint", "username", "password", "subprotocol", "origin", "timeout", "proxy"),
    *_SECURE,
)


def server_endpoint(
    prefix: str, reactor: Any, arguments: tuple[str, ...], options: dict[str, str]
) -> WebSocketServerEndpoint:
    r"""Return the endpoint that a server's endpoint string describes.

    Examples are `ws:8080`, `ws:8080:interface=127.0.0.1:path=/amp`, `ws:unix\:/run/x.sock` and
    `wss:443:privateKey=key.pem:certKey=cert.pem`.

    Args:
        prefix: "ws" or "wss".
        reactor: the reactor to run on.
        arguments: the arguments without a name, in their order.
        options: the arguments with a name: path; subprotocol, origin and host, each of which may
            have several values with commas between; and the options of Twisted's `tcp:` or `ssl:`.

    Raises:
        ValueError: the string describes no endpoint.
    """
    path = options.pop("path", None)
    ours: dict[str, Any] = {}
    if "subprotocol" in options:
        ours["subprotocols"] = _several(prefix, "subprotocol", options.pop("subprotocol"))
    if "origin" in options:
        origins = _several(prefix, "origin", options.pop("origin"))
        # Programs other than browsers send no Origin.
        ours["origins"] = [None if each == "none" else each for each in origins]
    if "host" in options:
        ours["hosts"] = _several(prefix, "host", options.pop("host"))
    below = _below(prefix, reactor, arguments, options)
    endpoint = WebSocketServerEndpoint(below, path=path, reactor=reactor, **ours)
    endpoint._spelling = _StringSpelling(ours)
    return endpoint


class _StringSpelling(Spelling):
    """The spelling of options in an endpoint string that already has the given values."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given

    def add(self, option: str, value: str | None) -> str:
        values = [*self._given[option], value]
        listed = ",".join("none" if each is None else each for each in values)
        return f"{option.removesuffix('s')}={quoteStringArgument(listed)}"


def _below(
    prefix: str, reactor: Any, arguments: tuple[str, ...], options: dict[str, str]
) -> IStreamServerEndpoint:
    secure = prefix == "wss"
    what = arguments[0] if len(arguments) == 1 else ""
    quoted = next((name for name in options if ":" in name), None)
    if quoted is not None and not arguments:
        # A quoted endpoint with an =, as tcp\:80\:interface=x, is an option to Twisted's parser.
        what = f"{quoted}={options.pop(quoted)}"
    if what.isdecimal():
        if secure and "privateKey" not in options:
            raise ValueError(
                "wss: needs privateKey=, a file with the key, and certKey= if the certificate is "
                "in another file"
            )
        kind = "ssl" if secure else "tcp"
        named = [f"{name}={quoteStringArgument(value)}" for name, value in options.items()]
        what = ":".join([kind, what, *named])
    elif secure or ":" not in what:
        also = "" if secure else r", or another endpoint with \ before its colons"
        raise ValueError(_expected(prefix, f"a port{also}", arguments))
    elif options:
        inside = ", ".join(f"{name}=" for name in options)
        raise ValueError(
            rf"{prefix}: {inside} belongs to the endpoint {what!r}; put \ before the colon"
        )
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, what)
    except TypeError as exc:
        # Twisted raises TypeError for an option that it doesn't know.
        raise ValueError(f"{prefix}: stands for {what!r}, which isn't valid: {exc}") from exc
    return endpoint


def client_endpoint(
    prefix: str, reactor: Any, arguments: tuple[str, ...], options: dict[str, str]
) -> WebSocketClientEndpoint:
    r"""Return the endpoint that a client's endpoint string describes.

    Examples are `ws:example.com`, `ws:localhost:8080:/amp`, `wss:example.com:path=/amp` and
    `ws:localhost:endpoint=unix\:/run/x.sock`.

    Args:
        prefix: "ws" or "wss".
        reactor: the reactor to run on.
        arguments: host, port and path; only the host is needed.
        options: host, port or path by its name, and others: `endpoint`, an endpoint to connect to
            instead; `username` and `password`; `subprotocol`, one or more with commas between;
            `origin`; `header.Name`, the value of a header of that name; `timeout`, seconds, or a
            time as 500ms, until the connection must be open; `proxy`, a URL, or empty for none;
            and for `wss:`, `trustRoots` or `caCertsDir`, `certificate`, `privateKey` and
            `serverHostname`.

    Raises:
        ValueError: the string describes no endpoint.
        InvalidURI: the host or the path can't be part of a URI.
        OSError: a file can't be read.
    """
    given = _given(prefix, arguments, options)
    below = given.get("endpoint")
    settings = {
        option: read(prefix, name, given[name])
        for name, (option, read) in _SETTINGS.items()
        if name in given
    }
    return WebSocketClientEndpoint(
        reactor,
        _uri(prefix, given),
        endpoint=None if below is None else clientFromString(reactor, below),
        additional_headers=[
            (name.removeprefix(_HEADER), value)
            for name, value in given.items()
            if name.startswith(_HEADER)
        ],
        client_certificate=_certificate(prefix, given),
        **settings,
    )


def _given(prefix: str, arguments: tuple[str, ...], options: dict[str, str]) -> dict[str, str]:
    """Return all arguments of a client's string by their names."""
    if len(arguments) > 3:
        raise ValueError(_expected(prefix, "host, port and path", arguments))
    given = dict(zip(_WHERE, arguments, strict=False))
    for name, value in options.items():
        _check_name(prefix, name)
        if name in given:
            raise ValueError(
                f"{prefix}: must have one {name}; it has {given[name]!r} and {value!r}"
            )
        given[name] = value
    if all(name in given for name in _TRUST):
        raise ValueError(f"{prefix}: trustRoots= and caCertsDir= mean the same; give one of them")
    if not given.get("host") or set("/?#@") & set(given["host"]):
        raise ValueError(_expected(prefix, "a host", arguments))
    return given


def _check_name(prefix: str, name: str) -> None:
    if name not in _CLIENT and not name.startswith(_HEADER):
        names = ", ".join(_CLIENT)
        raise ValueError(f"{prefix}: has no {name}=; it has {names}, and {_HEADER}Name")
    if prefix == "ws" and name in _SECURE:
        raise ValueError(f"ws: has no TLS, so {name}= is for wss: only")


def _uri(prefix: str, given: dict[str, str]) -> str:
    host, port, path = given["host"], given.get("port"), given.get("path", "/")
    if port is not None and not (port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"{prefix}: port must be a number from 1 to 65535; it is {port!r}")
    if not path.startswith("/"):
        raise ValueError(f"{prefix}: path must begin with a slash, as '/amp'; it is {path!r}")
    where = f"[{host}]" if ":" in host else host
    if port is not None:
        where += f":{port}"
    if ("username" in given) != ("password" in given):
        raise ValueError(f"{prefix}: username= and password= belong together; give both or none")
    if "username" in given:
        login = ":".join(quote(given[name], safe="") for name in ("username", "password"))
        where = f"{login}@{where}"
    return f"{prefix}://{where}{path}"


def _certificate(prefix: str, given: dict[str, str]) -> ClientCertificate | None:
    """Return the client certificate; one file has everything, or another one has the key."""
    certificate, key = given.get("certificate"), given.get("privateKey")
    if certificate is None and key is not None:
        raise ValueError(f"{prefix}: privateKey= needs certificate=, the file of its certificate")
    if certificate is None or key is None:
        return certificate
    try:
        both = Path(certificate).read_bytes() + b"\n" + Path(key).read_bytes()
        return cast(PrivateCertificate, PrivateCertificate.loadPEM(both))
    except (Error, VerifyError) as exc:
        raise ValueError(f"{prefix}: {certificate} and {key} can't be used: {exc}") from exc


def _several(prefix: str, name: str, value: str) -> list[str]:
    values = [each.strip() for each in value.split(",")]
    if "" in values:
        raise ValueError(
            f"{prefix}: {name} must have one or more values, with commas between; it is {value!r}"
        )
    return values


def _duration(prefix: str, name: str, value: str) -> float:
    try:
        seconds: float = duration(beyond=True)(value)
    except ValueError as exc:
        raise ValueError(f"{prefix}: {name} {exc}") from None
    return seconds


def _text(prefix: str, name: str, value: str) -> str:
    if not value:
        raise ValueError(f"{prefix}: {name}= is empty; give it a value, or leave it out")
    return value


def _proxy(prefix: str, name: str, value: str) -> str | None:
    return value or None


# The keyword argument and the parser for each option.
_SETTINGS: dict[str, tuple[str, Callable[[str, str, str], Any]]] = {
    "subprotocol": ("subprotocols", _several),
    "origin": ("origin", _text),
    "timeout": ("open_timeout", _duration),
    "proxy": ("proxy", _proxy),
    "trustRoots": ("tls", _text),
    "caCertsDir": ("tls", _text),
    "serverHostname": ("server_hostname", _text),
}


def _expected(prefix: str, what: str, arguments: tuple[str, ...]) -> str:
    return f"{prefix}: must be followed by {what}; it is followed by {':'.join(arguments)!r}"
