"""The environment of a program: the request, as RFC 3875 has it for CGI, and chosen variables."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set
from typing import Any
from urllib.parse import unquote_plus, unquote_to_bytes

from txws2 import __version__
from txws2._checks.kinds import shown
from txws2.programs.command import Environment
from txws2.server.auth_backend import is_authorized
from txws2.wire.http.heads import Request

__all__ = ["PASSED", "chosen", "path_info", "request_variables"]

PASSED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The variables of our own environment that a program gets, unless others are named."""

# A header of this name would be HTTP_PROXY, from which many programs take the proxy for their own
# requests (CVE-2016-5385).
_PROXY = b"proxy"

# RFC 3875 section 4.1.18: "The server SHOULD remove any header fields carrying authentication
# information". If nobody has checked it yet, it is for the program to check.
_PASSWORD = b"authorization"

# RFC 6750 section 2.3: the field of the query with a token, which is the same as that header.
_TOKEN = "access_token"

# A shell script that prints a variable expects one line. A header has no line end in it.
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


def chosen(pass_environment: Iterable[str], environment: Mapping[str, str] | None) -> Environment:
    """Return these variables of our own environment, and those that are given.

    Raises:
        TypeError: a name or a value isn't a str.
        ValueError: one has a NUL in it, or a name is empty or has an equals sign in it.
    """
    if isinstance(pass_environment, str):
        raise TypeError(
            f"pass_environment must be several names, as ['PATH']; it is {shown(pass_environment)}"
        )
    passed = {name: os.environ[name] for name in pass_environment if name in os.environ}
    variables = passed | dict(environment or {})
    for name, value in variables.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            raise TypeError(
                "names and values in environment must be str; one is "
                f"{shown(name)}, with {shown(value)}"
            )
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"no environment can have a variable named {shown(name)}")
    return {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}


def path_info(request: Request, script_name: str) -> bytes:
    """Return the rest of a request's path after that of the program, decoded."""
    path = request.path.partition("?")[0]
    below = script_name.rstrip("/")
    if below and (path == below or path.startswith(below + "/")):
        path = path[len(below) :]
    # RFC 3875 section 4.1.5: "Unlike a URI path, the PATH_INFO is not URL-encoded".
    return unquote_to_bytes(path).translate(_LINE_ENDS)


def request_variables(connection: Any, script_name: str) -> Environment:
    """Return the variables of a connection's request (RFC 3875 section 4.1).

    Args:
        connection: the connection.
        script_name: the path of the program.
    """
    request: Request = connection.request
    host, port = _server(request.fields.get("Host", ""), connection.secure)
    address, client_port = _client(connection.remote_address)
    path = path_info(request, script_name)
    # A token that names nobody is a proof, too, and so is the word of a service.
    named = connection.username is not None
    is_checked = named or connection.auth_type is not None or is_authorized(connection)
    target = _without_token(request.path) if is_checked else request.path
    # The variables that mean nothing here are empty, as in websocketd.
    variables = {
        "AUTH_TYPE": connection.auth_type or "",
        "CONTENT_LENGTH": "",
        "CONTENT_TYPE": "",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "PATH_INFO": path,
        "PATH_TRANSLATED": path,
        "QUERY_STRING": target.partition("?")[2],
        "REMOTE_ADDR": address,
        "REMOTE_HOST": address,
        "REMOTE_IDENT": "",
        "REMOTE_PORT": client_port,
        "REMOTE_USER": connection.username or "",
        "REQUEST_METHOD": request.method,
        "REQUEST_URI": target,
        "SCRIPT_NAME": script_name,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": request.protocol,
        "SERVER_SOFTWARE": f"txws2/{__version__}",
        "UNIQUE_ID": connection.id,
    }
    if connection.secure:
        variables["HTTPS"] = "on"
    encoded = {
        name.encode(): value if isinstance(value, bytes) else os.fsencode(value)
        for name, value in variables.items()
    }
    left_out = {_PROXY, _PASSWORD} if is_checked else {_PROXY}
    return {**encoded, **_headers(request, left_out)}


def _without_token(target: str) -> str:
    """Return path and query of a request, without a token that was checked already."""
    path, mark, query = target.partition("?")
    fields = query.split("&")
    kept = [each for each in fields if unquote_plus(each.partition("=")[0]) != _TOKEN]
    return target if len(kept) == len(fields) else path + (mark if kept else "") + "&".join(kept)


def _headers(request: Request, left_out: Set[bytes]) -> Environment:
    """Return the headers but for some, as section 4.1.18 names them."""
    variables = {}
    for name, values in request.headers.getAllRawHeaders():
        # "X_User" would be the same variable as "X-User", which a proxy in front may have set.
        if b"_" not in name and name.lower() not in left_out:
            variable = b"HTTP_" + name.upper().replace(b"-", b"_")
            variables[variable] = b", ".join(values)
    return variables


def _server(host: str, secure: bool) -> tuple[str, str]:
    """Split the value of a Host header; the port may be left out of it."""
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        return name.strip("[]"), port
    return host.strip("[]"), "443" if secure else "80"


def _client(address: object) -> tuple[str, str]:
    """Return the address and the port of a client; both empty for a Unix socket."""
    if isinstance(address, tuple):
        return str(address[0]), str(address[1])
    return "", ""
