"""Names that Twisted and asyncio don't promise, and the public way where a version lacks them.

Some of what txws2 does has no public way in Twisted, or none that is as fast. Each group of names
below stands for one such thing. A module asks for its group once, when it is imported or when it
first needs the names, and takes the public way if one is missing; the log says so, once. Nothing
else in txws2 asks whether a version of Twisted has a name.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

import twisted

__all__ = [
    "ASYNCIO_LOOP",
    "CLIENT_TLS_HOST",
    "INTERNAL_READERS",
    "LOG_OBSERVERS",
    "TCP_TRANSPORT",
    "TLS_BUFFER",
    "TLS_TRANSPORT",
    "UNHANDLED_ERROR",
    "Names",
    "can_be_lean",
    "current_loop",
]

_log = Logger(namespace="txws2")


class Names:
    """Names that are used together, or not at all.

    Args:
        instead: the consequence if one is missing, as the end of a sentence.
        *names: the names, of attributes and of methods.
    """

    def __init__(self, instead: str, *names: str) -> None:
        self.names = names
        self._instead = instead
        self._found: bool | None = None

    def are_in(self, *kinds: type) -> bool:
        """Tell whether these classes know all the names; only the first call looks for them."""
        if self._found is None:
            missing = [name for name in self.names if not any(_has(kind, name) for kind in kinds)]
            self._found = not missing
            if missing:
                classes = " and ".join(kind.__name__ for kind in kinds)
                _tell(f"no {', '.join(missing)} in {classes}", self._instead)
        return self._found


def _has(kind: type, name: str) -> bool:
    """Tell whether a class has an attribute, or a method of it names one of the instance's."""
    if hasattr(kind, name):
        return True
    methods = (value for base in kind.__mro__ for value in vars(base).values())
    codes = (getattr(method, "__code__", None) for method in methods)
    return any(code is not None and name in code.co_names for code in codes)


def _tell(lack: str, instead: str) -> None:
    _log.warn(
        "Twisted {version} has {lack}, so {instead}. Everything else works. "
        "A newer version of txws2 may know this Twisted.",
        version=twisted.__version__,
        lack=lack,
        instead=instead,
    )


TCP_TRANSPORT = Names(
    "messages go through the transport's buffer and the reactor, which takes more time",
    # Whether the transport was aborted, or closed for writing.
    "_aborting",
    "_writeDisconnected",
    "_writeDisconnecting",
    # What it still has to write.
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
"""Of `twisted.internet.tcp.Connection`: for writing to its socket, and for sharing an epoll.

Without them, every connection has an `Outbox` in front of the transport, and the reactor reads for
each. A transport that the application aborts itself is seen only when the reactor has ended it, so
that messages of the same read are still delivered.
"""

TLS_TRANSPORT = Names(
    "messages go through Twisted's TLS transport, which takes more time",
    "_appSendBuffer",
    "_flushReceiveBIO",
    "_handshakeDone",
    "_lostTLSConnection",
    "_tlsConnection",
    "_tlsShutdownFinished",
)
"""Of `twisted.protocols.tls.TLSMemoryBIOProtocol`: for asking OpenSSL no more than needed."""

TLS_BUFFER = Names(
    "messages over TLS leave a turn of the reactor later",
    "_aggregator",
)
"""Of `twisted.protocols.tls.BufferingTLSTransport`: for writing without its buffer."""

UNHANDLED_ERROR = Names(
    "it takes more time to keep errors that nobody waits for out of the log",
    "_debugInfo",
    "failResult",
)
"""Of `twisted.internet.defer.Deferred`, and of what it keeps there: for dismissing the report of an
unhandled error. Without them, whatever the Deferred keeps is searched for the error."""

ASYNCIO_LOOP = Names(
    "it is not checked which loop asyncio's reactor runs on",
    "_asyncioEventloop",
)
"""Of `twisted.internet.asyncioreactor.AsyncioSelectorReactor`: for advice on a wrong loop."""

INTERNAL_READERS = Names(
    "timers can be late by as much as the system's clock is set back",
    "_internalReaders",
)
"""Of `twisted.internet.posixbase.PosixReactorBase`: for a reader that isn't the application's."""

LOG_OBSERVERS = Names(
    "errors are not shown on stderr before logging begins",
    "_observers",
    "_temporaryObserver",
)
"""Of the classes of `twisted.logger`: for telling whether anybody observes the log."""

CLIENT_TLS_HOST = Names(
    "a connection creator of optionsForClientTLS may verify in its own way",
    "_hostnameASCII",
)
"""Of what `twisted.internet.ssl.optionsForClientTLS` returns: for verifying it as well.

Without the name, a connection may tell which one it will ask for. It asks for no address."""


def can_be_lean(kind: Callable[[], Any]) -> bool:
    """Tell whether a Deferred can be awaited before its ``__init__`` was called.

    That needs a class that has `called` and `paused` for all instances, and instances that keep
    the rest in their dictionaries. Without that, each Deferred is made with all that it has.

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
