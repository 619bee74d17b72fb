"""Names that Twisted and others don't document, and a check that a version has them.

Some features of txws2 have no public way in Twisted, or only a slower one. Each group of names
below belongs to one feature. A module checks its group once, when it is imported or when it first
needs the names. If a name is missing, the module takes the public way, and the log says so, once.
No other module of txws2 checks whether a version of Twisted has a name.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from twisted.logger import Logger

__all__ = [
    "ASYNCIO_LOOP",
    "CLIENT_TLS_HOST",
    "ENDPOINT_WRAPPER",
    "EPOLL_REACTOR",
    "INTERNAL_READERS",
    "LOG_OBSERVERS",
    "OPENSSL_CONNECTION",
    "OPENSSL_LIBRARY",
    "PLATFORM_TRUST",
    "SHORT_CONNECTIONS",
    "SITE_CHANNEL",
    "TCP_TRANSPORT",
    "TLS_BUFFER",
    "TLS_TRANSPORT",
    "UNHANDLED_ERROR",
    "Names",
    "can_be_lean",
    "current_loop",
    "environment_names",
    "tls_creator",
]

_log = Logger(namespace="txws2")


class Names:
    """Names that are used together, or not at all.

    Args:
        instead: the consequence if one is missing, as the end of a sentence.
        *names: the names, of attributes and of methods.
        package: the name of the package that has them.
    """

    def __init__(self, instead: str, *names: str, package: str = "Twisted") -> None:
        self.names = names
        self.package = package
        self._instead = instead
        self._found: bool | None = None

    def are_in(self, *kinds: Any) -> bool:
        """Tell whether these classes, or modules, have all the names; only the first call looks."""
        if self._found is None:
            missing = [name for name in self.names if not any(_has(kind, name) for kind in kinds)]
            self._found = not missing
            if missing:
                classes = " and ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
                _tell(f"no {', '.join(missing)} in {classes}", self._instead, self.package)
        return self._found


def _has(kind: Any, name: str) -> bool:
    """Tell whether a class has an attribute, or whether a method of it uses that name."""
    if hasattr(kind, name):
        return True
    bases = getattr(kind, "__mro__", ())
    methods = (value for base in bases for value in vars(base).values())
    codes = (getattr(method, "__code__", None) for method in methods)
    return any(code is not None and name in code.co_names for code in codes)


def _tell(lack: str, instead: str, package: str = "Twisted") -> None:
    _log.warn(
        "{package} {version} has {lack}, so {instead}. Everything else works. "
        "A newer version of txws2 may know this {package}.",
        package=package,
        version=version(package),
        lack=lack,
        instead=instead,
    )


TCP_TRANSPORT = Names(
    "messages go through the transport's buffer and the reactor, which takes more time",
    # These tell whether the transport was aborted, or closed for writing.
    "_aborting",
    "_writeDisconnected",
    "_writeDisconnecting",
    # These hold its unsent bytes.
    "_tempDataLen",
    "dataBuffer",
    "offset",
    # These are public, but no document says what they mean.
    "TLS",
    "bufferSize",
    "disconnecting",
    "doRead",
    "doWrite",
    "producer",
)
"""Names of `twisted.internet.tcp.Connection`, to write to its socket, and to share an epoll.

Without these names, the outbox of every connection writes to the transport, and the reactor reads
for each connection. txws2 notices only later, from the reactor, that the application itself has
aborted a transport. Until then, messages of the same read are still delivered.
"""

SHORT_CONNECTIONS = Names(
    "a connection that lasts for a moment takes more time",
    # The number that a port shows in the descriptions of its connections.
    "_realPortNumber",
    # This tells whether a socket is shut down before it is closed.
    "_shouldShutdown",
)
"""Names of `twisted.internet.tcp.Port` and `Connection`, to make and end connections with less."""

TLS_TRANSPORT = Names(
    "messages go through Twisted's TLS transport, which takes more time",
    "_aborted",
    "_appSendBuffer",
    "_checkHandshakeStatus",
    "_handshakeDone",
    "_lostTLSConnection",
    "_producer",
    "_reason",
    "_shutdownTLS",
    "_tlsConnection",
    "_tlsShutdownFinished",
    "_unbufferPendingWrites",
)
"""Names of `twisted.protocols.tls.TLSMemoryBIOProtocol`, to call OpenSSL no more than needed."""

TLS_BUFFER = Names(
    "messages over TLS leave a turn of the reactor later",
    "_aggregator",
)
"""A name of `twisted.protocols.tls.BufferingTLSTransport`, to write without its buffer."""

OPENSSL_CONNECTION = Names(
    "messages over TLS take more calls of OpenSSL",
    "_from_ssl",
    "_into_ssl",
    "_raise_ssl_error",
    "_ssl",
    package="pyOpenSSL",
)
"""Names of `OpenSSL.SSL.Connection`, to call OpenSSL for it from C."""

OPENSSL_LIBRARY = Names(
    "messages over TLS take more calls of OpenSSL",
    "BIO_free",
    "BIO_new",
    "BIO_read",
    "BIO_s_mem",
    "BIO_write",
    "ERR_clear_error",
    "SSL_do_handshake",
    "SSL_get_error",
    "SSL_read",
    "SSL_set_bio",
    "SSL_write",
    package="cryptography",
)
"""Functions of OpenSSL that cryptography has for pyOpenSSL, to call them from C."""

PLATFORM_TRUST = Names(
    "the authorities of this machine are read for each connect(), which takes more time",
    "_CERTIFICATE_FILE_LOCATIONS",
    "_CERTIFICATE_PATH_LOCATIONS",
    "_ffi",
    "_lib",
    package="pyOpenSSL",
)
"""Names of `OpenSSL.SSL`, to find out whether the files of this machine's authorities changed."""

UNHANDLED_ERROR = Names(
    "it takes more time to keep errors that nobody waits for out of the log",
    "_debugInfo",
    "failResult",
)
"""Names of `twisted.internet.defer.Deferred` and of its `_debugInfo`, to dismiss the report of an
unhandled error. Without them, all attributes of the Deferred are searched for the error."""

ASYNCIO_LOOP = Names(
    "it is not checked which loop asyncio's reactor runs on",
    "_asyncioEventloop",
)
"""A name of `twisted.internet.asyncioreactor.AsyncioSelectorReactor`, to report a wrong loop."""

INTERNAL_READERS = Names(
    "timers can be late by as much as the system's clock is set back",
    "_internalReaders",
)
"""A name of `twisted.internet.posixbase.PosixReactorBase`, to add a reader of our own."""

LOG_OBSERVERS = Names(
    "errors are not shown on stderr before logging begins",
    "_observers",
    "_temporaryObserver",
)
"""Names of classes of `twisted.logger`, to find out whether anybody observes the log."""

SITE_CHANNEL = Names(
    "a site reads the whole body of a request before it judges how large it may be",
    "_path",
)
"""A name of `twisted.web.http.HTTPChannel`, to know the target of a request before its body."""

ENDPOINT_WRAPPER = Names(
    "each read of a client goes through the protocol of an endpoint, which takes more time",
    "_wrappedProtocol",
)
"""A name of the protocol that `twisted.internet.endpoints` puts around that of a client."""

EPOLL_REACTOR = Names(
    "each read of a connection without a shared epoll takes a turn of the reactor, and more time",
    # This ends a descriptor that has nothing more to read.
    "_disconnectSelectable",
    # The epoll itself.
    "_poller",
    # These tell whether there is anything to do besides reading.
    "_justStopped",
    "_newTimedCalls",
    "_pendingTimedCalls",
    # By descriptor, the objects that it calls, and the descriptors to read from and write to.
    "_reads",
    "_selectables",
    "_writes",
)
"""Names of `twisted.internet.epollreactor.EPollReactor`, to wait for a connection in its place."""

CLIENT_TLS_HOST = Names(
    "a connection creator of optionsForClientTLS may verify in its own way",
    "_hostnameASCII",
)
"""A name of the result of `twisted.internet.ssl.optionsForClientTLS`, to verify the host, too.

Without it, txws2 takes the host that a connection sends by SNI, which is never an address."""


def can_be_lean(kind: Callable[[], Any]) -> bool:
    """Tell whether a Deferred can be awaited before its ``__init__`` was called.

    The class must have `called` and `paused` for all instances, and each instance must keep the
    other attributes in its dictionary. Otherwise, each Deferred is made by its ``__init__``.

    Args:
        kind: `twisted.internet.defer.Deferred`.
    """
    state = getattr(kind(), "__dict__", None)
    lean = (
        state is not None
        and state.keys().isdisjoint(("called", "paused", "result"))
        and not getattr(kind, "called", True)
        and not getattr(kind, "paused", True)
    )
    if not lean:
        _tell("Deferreds of another kind", "awaiting a message takes more time")
    return lean


def tls_creator(kind: Any) -> str | None:
    """Return the name of the method that makes the OpenSSL connection of a TLS transport.

    Args:
        kind: `twisted.protocols.tls.TLSMemoryBIOFactory`.

    Returns:
        The name; None if it has none that is known.
    """
    # Twisted 26.10 has the first, Twisted 24.7 the second.
    for name in ("_creatorCallable", "_createConnection"):
        if _has(kind, name):
            return name
    _tell("no known way to make OpenSSL connections", "opening TLS takes more time")
    return None


def environment_names() -> bytes | None:
    """Return the names of all environment variables, joined by "="; None if there is no quick way.

    The public way decodes each name and each value, which takes as long as the rest of a dial.
    """
    entries = getattr(os.environ, "_data", None)
    if not isinstance(entries, dict):
        return None
    # The keys are bytes on all systems but Windows.
    names = next(iter(entries), b"")
    return b"=".join(entries) if isinstance(names, bytes) else None


def _public_current_loop() -> AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


current_loop: Callable[[], AbstractEventLoop | None] = getattr(
    asyncio, "_get_running_loop", _public_current_loop
)
"""Return asyncio's loop that runs in this thread; None if none runs."""

if current_loop is _public_current_loop:
    _log.warn(
        "Python {version} has no asyncio._get_running_loop, so it takes more time to find out "
        "whether a loop of asyncio runs. Everything else works.",
        version=sys.version.split()[0],
    )
