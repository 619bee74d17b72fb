"""Checks of the option `create_protocol`, before there is a connection."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import WeakSet

from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory

from txws2._checks.kinds import shown
from txws2._checks.signatures import calling_fails, name_of, parameters_of
from txws2._connection.factory import ConnectionFactory
from txws2._connection.protocol import WebSocketProtocol

__all__ = [
    "check_class_attribute",
    "check_create_protocol",
    "check_decisions",
    "check_made_once",
    "made_wrongly",
]

# The hooks of Autobahn, of Tornado and ws4py, of twisted.web and of asyncio, each with the hook
# of ours that is called at the same event. Names that an application could use for something else,
# as `open`, aren't among them.
_OURS = {
    "onConnect": "connectionOpened",
    "onOpen": "connectionOpened",
    "onMessage": "messageReceived",
    "onClose": "connectionLost",
    "onPing": "pingReceived",
    "onPong": "pongReceived",
    "on_connect": "connectionOpened",
    "on_open": "connectionOpened",
    "on_message": "messageReceived",
    "on_close": "connectionLost",
    "on_ping": "pingReceived",
    "on_pong": "pongReceived",
    "received_message": "messageReceived",
    "negotiationFinished": "connectionOpened",
    "textMessageReceived": "messageReceived",
    "bytesMessageReceived": "messageReceived",
    "connection_made": "connectionOpened",
    "connection_opened": "connectionOpened",
    "message_received": "messageReceived",
    "connection_lost": "connectionLost",
}

# Methods of other libraries that decide on a request, each with our option. An application may
# have a process_request() for requests of its own; that of websockets takes the path.
_OPTIONS = {
    "check_origin": "origins",
    "process_request": "process_request",
    "select_subprotocol": "select_subprotocol",
}

_NO_PROTOCOL: object = ConnectionFactory.protocol

# The objects that have passed the check: a client has a factory for each connection.
_right: WeakSet[Any] = WeakSet()


def check_made_once(create_protocol: object, kind: type[WebSocketProtocol]) -> None:
    """Do as `check_create_protocol` does in push style, but only once for each object."""
    if create_protocol is kind:
        return
    # An object without a hash, or without weak references, is checked each time.
    with suppress(TypeError):
        if create_protocol in _right:
            return
    check_create_protocol(create_protocol, kind, pushes=True)
    with suppress(TypeError):
        _right.add(create_protocol)


def check_create_protocol(
    create_protocol: object, kind: type[WebSocketProtocol], *, pushes: bool
) -> None:
    """Make sure that this option makes protocols, as far as that shows before it is called.

    Args:
        create_protocol: the option's value.
        kind: the class whose instances it must make.
        pushes: True in push style, in which only hooks get messages, so that hooks of other
            libraries are there by mistake.

    Raises:
        TypeError: it can't be called without arguments; or it makes no such protocol, or one that
            never gets a message.
    """
    _check_callable(create_protocol, kind)
    makes: Any = create_protocol
    while isinstance(makes, partial):
        makes = makes.func
    if inspect.isclass(makes):
        _check_class(makes, kind, pushes)
    elif inspect.iscoroutinefunction(makes):
        raise TypeError(
            "create_protocol must return the protocol at once; it is a coroutine function, "
            f"{name_of(makes)}(): await in connectionOpened() instead"
        )
    assert callable(create_protocol)
    why = calling_fails(create_protocol, [])
    if why is not None:
        name = name_of(create_protocol)
        raise TypeError(
            f"create_protocol is called without arguments, and {name}() can't be: {why}; "
            "functools.partial can give it some"
        )


def made_wrongly(protocol: object, kind: type[WebSocketProtocol]) -> TypeError:
    """Return the exception for an object that create_protocol has made and that can't be used."""
    if isinstance(protocol, kind):
        return _without_hash(type(protocol))
    return TypeError(f"create_protocol must make a {kind.__name__}; it has made {shown(protocol)}")


def check_class_attribute(
    factory: Factory, create_protocol: object, kind: type[WebSocketProtocol]
) -> None:
    """Make sure that no subclass of a factory has an attribute `protocol` that is never used.

    Other factories of Twisted have the class of their protocols there.

    Args:
        factory: the factory.
        create_protocol: makes its protocols.
        kind: the default of create_protocol.

    Raises:
        TypeError: a subclass has an attribute `protocol`, and no method that uses it.
    """
    made: object = type(factory).protocol
    if create_protocol is not kind or made is _NO_PROTOCOL:
        return
    # A subclass's own buildProtocol may use it.
    if type(factory).buildProtocol.__module__.startswith("txws2."):
        name = type(factory).__name__
        raise TypeError(
            f"{name}.protocol is never used: {name}(create_protocol={name_of(made)}) makes such "
            "protocols"
        )


def check_decisions(create_protocol: object, **given: object) -> None:
    """Make sure that no class has a method to refuse requests that is never called.

    Such a mistake would accept every request.

    Args:
        create_protocol: makes the protocols.
        **given: the values of the options that decide on requests.

    Raises:
        TypeError: the class has such a method of another library, and the option for it isn't
            given.
    """
    while isinstance(create_protocol, partial):
        create_protocol = create_protocol.func
    if not inspect.isclass(create_protocol):
        return
    for theirs, ours in _OPTIONS.items():
        method = getattr(create_protocol, theirs, None)
        if given[ours] is not None or not callable(method):
            continue
        if theirs != "process_request" or (parameters_of(method) or [])[1:2] == ["path"]:
            name = create_protocol.__qualname__.rpartition("<locals>.")[2]
            raise TypeError(
                f"{name}.{theirs}() is a hook of another library, which is never called; here, it "
                f"is the option {ours}"
            )


def _check_callable(create_protocol: object, kind: type[WebSocketProtocol]) -> None:
    if inspect.iscoroutine(create_protocol):
        create_protocol.close()
    name, instead = type(create_protocol).__qualname__, f"give a subclass of {kind.__name__}"
    if issubclass(type(create_protocol), WebSocketProtocol):
        instead = f"give its class, as create_protocol={name}: each connection has its own"
    elif callable(create_protocol):
        return
    raise TypeError(
        "create_protocol must be a class, or a function that makes a protocol; it is "
        f"{shown(create_protocol)}: {instead}"
    )


def _check_class(made: type, kind: type[WebSocketProtocol], pushes: bool) -> None:
    name = made.__qualname__.rpartition("<locals>.")[2]
    if not issubclass(made, kind):
        raise TypeError(
            f"create_protocol must make a {kind.__name__}, and {name} is no subclass of that"
            f"{_alternative(made, kind, name)}"
        )
    if made.__hash__ is None:
        raise _without_hash(made)
    if not _overrides(made, kind, "messageReceived") and _keeps_bytes(made, kind):
        raise TypeError(
            f"{name}.dataReceived() gets the transport's bytes, and must pass them to its "
            "superclass; override messageReceived() to get messages"
        )
    if not pushes:
        return
    wrong = [
        f"{theirs}() is {ours}()"
        for theirs, ours in _OURS.items()
        if callable(getattr(made, theirs, None)) and not _overrides(made, kind, ours)
    ]
    if wrong:
        raise TypeError(
            f"{name} has hooks of another library, which are never called; here, {', '.join(wrong)}"
        )


def _without_hash(made: type) -> TypeError:
    name = made.__qualname__.rpartition("<locals>.")[2]
    return TypeError(
        f"{name} must have a hash, as its factory has a set of its connections; it has __eq__ "
        "alone: add __hash__, or for a dataclass use @dataclass(eq=False)"
    )


def _alternative(made: type, kind: type[WebSocketProtocol], name: str) -> str:
    if issubclass(made, WebSocketProtocol):
        return ", but one of the other side's"
    if not IProtocol.implementedBy(made):
        return ""
    if kind.__name__ == "WebSocketClientProtocol":
        wraps = f"WebSocketClientEndpoint(reactor, uri).connect(Factory.forProtocol({name}))"
    else:
        wraps = f"WebSocketFactory(Factory.forProtocol({name}))"
    return f"; for a protocol that speaks in bytes, there is {wraps}"


def _overrides(made: type, kind: type, name: str) -> bool:
    return getattr(made, name) is not getattr(kind, name)


def _keeps_bytes(made: type, kind: type) -> bool:
    """Return True if its dataReceived doesn't call ours, as far as its code shows."""
    function: Callable[..., object] = getattr(made, "dataReceived")  # noqa: B009
    code = getattr(function, "__code__", None)
    return (
        _overrides(made, kind, "dataReceived")
        and code is not None
        and "dataReceived" not in code.co_names
    )
