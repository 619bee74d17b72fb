"""Checks for unknown options, and the advice about each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Set
from difflib import get_close_matches
from inspect import signature
from typing import TypeVar

from txws2._checks.own_files import OF_TXWS2

__all__ = ["check_options", "shortened"]

E = TypeVar("E", bound=Exception)

_TIMES = (
    "open_timeout is for opening, close_timeout for closing, and ping_timeout for a peer that is "
    "gone, all in seconds"
)
_LIMITS = "here it is max_size, in bytes"
_HEARTBEAT = "here it is ping_interval, in seconds; ping_timeout is the time to wait for a pong"
_COMPRESSION = 'here it is compression, "deflate" by default; None switches it off'
_SUBPROTOCOLS = 'here it is subprotocols, a list as ["chat"]'
_CREATE = "here it is create_protocol, a subclass or a functools.partial of one"
_ALWAYS = "leave it out: txws2 always does this"
_LOG = 'leave it out: txws2 logs by twisted.logger, as "txws2.server" and "txws2.client"'
_NO_LOOP = "leave it out, or give reactor: txws2 runs on Twisted's reactor"
_HOOKS = "it is a method of a protocol: connectionOpened, messageReceived or connectionLost"

# The names of options in other libraries (websockets, old and new; aiohttp; Autobahn; ws of
# Node.js; Tornado; websocket-client; uvicorn), in lower case and without underscores.
_EITHER = {
    "autoclose": _ALWAYS,
    "autofragmentsize": "send() takes an iterable, and sends each item as a fragment",
    "autoping": _ALWAYS,
    "autopinginterval": _HEARTBEAT,
    "autopingtimeout": "here it is ping_timeout, in seconds",
    "autopong": _ALWAYS,
    "closehandshaketimeout": "here it is close_timeout, in seconds",
    "compress": _COMPRESSION,
    "compressionoptions": _COMPRESSION,
    "createconnection": _CREATE,
    "extensions": _COMPRESSION,
    "handshaketimeout": "here it is open_timeout, in seconds",
    "heartbeat": _HEARTBEAT,
    "klass": _CREATE,
    "logger": _LOG,
    "loop": _NO_LOOP,
    "maxframepayloadsize": "here it is max_size, in bytes, of a whole message",
    "maxlen": _LIMITS,
    "maxmessagepayloadsize": _LIMITS,
    "maxmessagesize": _LIMITS,
    "maxmsgsize": _LIMITS,
    "maxpayload": _LIMITS,
    "maxsizebytes": _LIMITS,
    "onclose": _HOOKS,
    "onmessage": _HOOKS,
    "onopen": _HOOKS,
    "openhandshaketimeout": "here it is open_timeout, in seconds",
    "permessagecompressionaccept": _COMPRESSION,
    "permessagecompressionoffers": _COMPRESSION,
    "permessagedeflate": _COMPRESSION,
    "protocol": _CREATE,
    "protocols": _SUBPROTOCOLS,
    "readlimit": "leave it out: max_queue limits the messages that wait, max_size their size",
    "readtimeout": "recv() can have a timeout; ping_timeout finds a peer that is gone",
    "receivetimeout": "recv() can have a timeout; ping_timeout finds a peer that is gone",
    "subprotocol": _SUBPROTOCOLS,
    "tcpnodelay": _ALWAYS,
    "timeout": _TIMES,
    "utf8validateincoming": _ALWAYS,
    "websocketmaxmessagesize": _LIMITS,
    "websocketpinginterval": _HEARTBEAT,
    "websocketpingtimeout": "here it is ping_timeout, in seconds",
    "writebufferlimit": "here it is write_limit, in bytes",
    "writerlimit": "here it is write_limit, in bytes",
    "wsmaxsize": _LIMITS,
    "wspinginterval": _HEARTBEAT,
    "wspingtimeout": "here it is ping_timeout, in seconds",
}

_SERVER_TLS = (
    'endpoint="ssl:443:privateKey=key.pem:certKey=cert.pem", or another TLS endpoint of Twisted, '
    "serves over TLS"
)
_RESPONSE = "process_response can add headers to the response"
_UNIX = 'endpoint="unix:/run/chat.sock" serves on a socket; route() has a handler for each path'
_ENDPOINT = 'endpoint takes any endpoint of Twisted, as "tcp:8000:backlog=50"'
_PLACE = "serve(handler, host, port), run() or an endpoint has the address to listen on"
_ORIGINS = 'here it is origins, a list as ["https://example.com"]'

_OF_SERVERS = {
    "allowedorigins": _ORIGINS,
    "backlog": _ENDPOINT,
    "certfile": _SERVER_TLS,
    "corsallowedorigins": _ORIGINS,
    "extraheaders": _RESPONSE,
    "endpoint": _PLACE,
    "drain": "it is an option of WebSocketService",
    "family": _ENDPOINT,
    "headers": _RESPONSE,
    "host": _PLACE,
    "keyfile": _SERVER_TLS,
    "maxconnection": "here it is max_connections",
    "origin": _ORIGINS,
    "path": _UNIX,
    "port": _PLACE,
    "reload": "it is an option of run()",
    "reuseport": _ENDPOINT,
    "server": _RESPONSE,
    "serverheader": _RESPONSE,
    "sock": "endpoint takes an AdoptedStreamServerEndpoint of Twisted, which has a socket already",
    "ssl": _SERVER_TLS,
    "sslcontext": _SERVER_TLS,
    "ssloptions": _SERVER_TLS,
    "startserving": _ALWAYS,
    "trustxforwardedfor": "here it is trusted_proxies, a list of networks",
    "unix": _UNIX,
    "url": "leave it out: a server needs no URL",
    "verifyclient": "here it is process_request, which may refuse a request",
}

_CLIENT_TLS = (
    "here it is tls, the file of the authorities to trust; without it, wss trusts those of this "
    "machine, and txws2.client.InsecureTLS verifies nothing"
)
_HEADERS = 'here it is additional_headers, a mapping as {"Authorization": "Bearer abc"}'
_CREDENTIALS = "put user name and password into the URI: ws://user:password@host/"
_PROXY = "here it is proxy, a URL as http://user:password@host:3128"
_URI = 'it is part of the URI: connect("ws://localhost:8765/")'

_OF_CLIENTS = {
    "auth": _CREDENTIALS,
    "bindaddress": "endpoint takes any endpoint of Twisted, as a TCP4ClientEndpoint(bindAddress=)",
    "connecttimeout": "here it is open_timeout, in seconds",
    "cookie": 'it is a header: additional_headers={"Cookie": "a=b"}',
    "cookies": 'it is a header: additional_headers={"Cookie": "a=b"}',
    "endpoint": "it is an option of connect()",
    "extraheaders": _HEADERS,
    "header": _HEADERS,
    "headers": _HEADERS,
    "host": _URI,
    "httpproxyauth": _PROXY,
    "httpproxyhost": _PROXY,
    "httpproxyport": _PROXY,
    "localaddr": "endpoint takes any endpoint of Twisted, as a TCP4ClientEndpoint(bindAddress=)",
    "params": "put the query into the URI: ws://host/path?name=value",
    "path": _URI,
    "port": _URI,
    "proxyauth": _PROXY,
    "proxyheaders": _PROXY,
    "proxyssl": "here it is proxy_tls",
    "rejectunauthorized": _CLIENT_TLS,
    "sock": "endpoint takes any client endpoint of Twisted, with a connect()",
    "ssl": _CLIENT_TLS,
    "sslcontext": _CLIENT_TLS,
    "ssloptions": _CLIENT_TLS,
    "sslopt": _CLIENT_TLS,
    "tlspolicy": _CLIENT_TLS,
    "url": "give it first, without a name: connect(uri)",
    "useragent": "here it is user_agent_header",
    "verify": _CLIENT_TLS,
    "verifyssl": _CLIENT_TLS,
}

# Options of one side only. They also tell which side a function is for.
OF_SERVE = {
    "hosts",
    "max_connections",
    "max_connections_per_host",
    "origins",
    "process_request",
    "process_response",
    "select_subprotocol",
    "trusted_proxies",
}
OF_CONNECT = {
    "additional_headers",
    "authentication",
    "backoff",
    "client_certificate",
    "origin",
    "process_exception",
    "proxy",
    "proxy_authentication",
    "proxy_tls",
    "server_hostname",
    "tls",
    "user_agent_header",
}


def check_options(
    caller: Callable[..., object], options: Mapping[str, object], known: Set[str]
) -> None:
    """Check that a function has these options.

    Args:
        caller: the function or the class that was called.
        options: its keyword arguments, except its named parameters.
        known: the names of its options.

    Raises:
        TypeError: an option is unknown; the text has the name that txws2 uses.
    """
    if options.keys() <= known:
        return
    names = {*known, *signature(caller).parameters} - {"options", "more", "self"}
    wrong = [
        f"{caller.__name__}() has no option {name!r}; {_advice(name, names)}"
        for name in options
        if name not in known
    ]
    raise TypeError(". ".join(wrong))


def shortened(exc: E) -> E:
    """Return an exception without its traceback, if that has frames of this package only.

    The mistake is in the application's call, and frames below it don't help. The traceback is kept
    if the application or another library has raised the exception.
    """
    traceback = exc.__traceback__
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(OF_TXWS2):
            return exc
        traceback = traceback.tb_next
    return exc.with_traceback(None)


def _advice(name: str, names: Collection[str]) -> str:
    serves = not OF_SERVE.isdisjoint(names)
    if not serves and name in OF_SERVE:
        return "it is an option of serve()"
    key = _key(name)
    theirs = (_OF_SERVERS if serves else _OF_CLIENTS).get(key) or _EITHER.get(key)
    if theirs is not None:
        return theirs
    if name in OF_CONNECT:
        return "it is an option of connect()"
    keys = {_key(each): each for each in sorted(names)}
    near = [keys[each] for each in get_close_matches(key, keys, n=2, cutoff=0.75)]
    if near:
        return f"is {' or '.join(near)} meant?"
    return f"it has {', '.join(sorted(names))}"


def _key(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
