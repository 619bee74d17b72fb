"""`run`: a server, or a program of your own, from start to end, for people."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from inspect import iscoroutine
from threading import current_thread, main_thread
from time import localtime, strftime
from types import FrameType
from typing import Any, Unpack, cast

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, maybeDeferred
from twisted.internet.error import CannotListenError, DNSLookupError
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogFilterPredicate,
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    PredicateResult,
    eventAsText,
    globalLogBeginner,
)
from twisted.python.failure import Failure

from txws2.advice import check_options, shortened
from txws2.causes import causes_of
from txws2.escaping import escaped
from txws2.exceptions import ConnectionClosed
from txws2.factory import global_reactor
from txws2.failing import own_part
from txws2.kinds import check_flag
from txws2.listening import check_place, listen, uri_of
from txws2.loopless import log_failure
from txws2.programs import check_program, explain_reactor
from txws2.reactors import install, no_loop_yet
from txws2.reloading import Changes, is_watched, supervise
from txws2.server import ServerOptions, WebSocketServerFactory
from txws2.serving import Endpoint, server_endpoint
from txws2.stopping import waited_for
from txws2.tasks import loop_runs
from txws2.tasks import started as start_task
from txws2.unobserved import is_unobserved, was_shown

__all__ = ["run"]

_BACKLOG = 1024

# Seconds until somebody wonders why it doesn't end.
_SOON = 1

_log = Logger(namespace="txws2.run")

# Twisted says so of each port, in the words of its older log.
_PORT = re.compile(r"\S+( \(TLS\))? starting on \S+$|\(.* Port .* Closed\)$")

_SENTENCES = {
    EADDRINUSE: "another program listens there already",
    EACCES: "permission denied; ports below 1024 are for root",
    EADDRNOTAVAIL: "this machine does not have that address",
}


def run(
    target: Any,
    host: str | None = None,
    port: int | None = None,
    *,
    endpoint: Endpoint | None = None,
    reactor: Any = None,
    reload: bool = False,
    **options: Unpack[ServerOptions],
) -> None:
    """Run a server, or a program, until SIGINT or SIGTERM.

    Unless logging is set up already, it is logged on stderr, in short lines. On the first signal
    every connection is closed with 1001; a second one ends the process at once. In another thread
    than the main one, there are no signals, and `reactor.callFromThread(reactor.stop)` ends it.

    Args:
        target: with a port or an endpoint, what serves there: a handler, as `serve` has it; a
            factory, as `WebSocketServerFactory`; or a resource of twisted.web, around which a
            site is made. With neither, a function that is called with the reactor, as that of
            `twisted.internet.task.react`: when its result has come, the program ends.
        host: the address to listen at, or a name, as `serve` has it.
        port: the TCP port; 0 for any that is free.
        endpoint: instead of host and port, an endpoint, or its description.
        reactor: the reactor to run; None for the global one; "asyncio" to install asyncio's, on
            which handlers and the function can use its libraries, or "uvloop" for the same with
            the loop of uvloop. Then the end is as that of `asyncio.run`: tasks that are left are
            cancelled, and the loop is closed.
        reload: True to start again, in a process of its own, whenever the file of a module has
            changed; for development.
        **options: for a handler, those of `serve`.

    Raises:
        SystemExit: with status 1, after a sentence or a traceback: it can't listen, or the
            function has failed; or the function's own, as `sys.exit` raises it. At the end on a
            signal, it returns.
        TypeError: there are both an endpoint and a port, or options that nobody takes; what serves
            connections has no port; or as `serve` raises it.
        ValueError: an option is out of range, or there is no reactor of this name.
        RuntimeError: the reactor was named, but another one is installed already; or asyncio runs
            an event loop here.
        ImportError: uvloop was named, and isn't installed.
    """
    check_flag("reload", reload)
    if reload and not is_watched():
        sys.exit(supervise())
    try:
        serves = _check(target, host, port, endpoint, options)
        _begin_logging()
        loop: AbstractContextManager[object] = nullcontext()
        if reactor is None or isinstance(reactor, str):
            no_loop_yet()
        if isinstance(reactor, str):
            loop = install(reactor)
            reactor = None
        reactor = reactor or global_reactor()
        factory = _factory_of(target, reactor, options) if serves else None
    except (TypeError, ValueError, RuntimeError, ImportError) as exc:
        raise shortened(exc)  # noqa: B904
    changes = Changes(reactor) if reload else None
    if serves:
        where = f"{host or '*'}:{port}" if endpoint is None else str(endpoint)

        def start() -> Deferred[Any]:
            listening = maybeDeferred(_listen, reactor, factory, host, port, endpoint)
            return listening.addErrback(_explain, where)
    else:

        def start() -> Deferred[Any]:
            return _awaited(target, reactor)

    exit_ = _run(reactor, start, loop, ends=not serves)
    if changes is not None and changes.seen:
        sys.exit(changes.STATUS)
    if exit_ is not None:
        raise exit_


def _check(
    target: object, host: object, port: object, endpoint: object, options: ServerOptions
) -> bool:
    """Make sure that the arguments go together; tell whether something is to be served."""
    check_options(run, options, ServerOptions.__optional_keys__)
    if not (host is None and port is None and endpoint is None):
        check_place("run", host, port, endpoint)
        return True
    if options:
        raise TypeError("run() with options needs a port or endpoint= to listen at")
    check_program(target, _is_resource(target))
    return False


def _factory_of(target: Any, reactor: Any, options: Any) -> IProtocolFactory:
    if not _is_resource(target) and not IProtocolFactory.providedBy(target):
        return WebSocketServerFactory(target, reactor=reactor, **options)
    if options:
        names = ", ".join(options)
        raise TypeError(f"run() takes options for a handler only; give {names} to your object")
    if IProtocolFactory.providedBy(target):
        return target
    from twisted.web.server import Site

    return cast(IProtocolFactory, Site(target))


def _is_resource(target: Any) -> bool:
    if "twisted.web.resource" not in sys.modules:
        # Then nobody can have made one.
        return False
    from twisted.web.resource import IResource

    return bool(IResource.providedBy(target))


async def _listen_at_all(
    reactor: Any, factory: Any, host: str | None, port: int | None, endpoint: Endpoint | None
) -> list[Any]:
    if endpoint is not None:
        return [await server_endpoint(reactor, endpoint).listen(factory)]
    assert port is not None
    return await listen(reactor, host or "", port, _BACKLOG, factory)


def _listen(
    reactor: Any, factory: Any, host: str | None, port: int | None, endpoint: Endpoint | None
) -> Deferred[None]:
    secure = isinstance(endpoint, str) and endpoint.startswith("ssl:")
    web: Any = sys.modules.get("twisted.web.server")
    is_site = web is not None and isinstance(factory, web.Site)

    def say(ports: list[Any]) -> None:
        for each in ports:
            address = each.getHost()
            uri = uri_of(address, secure, site=is_site) or str(address)
            _log.info("listening on {address}", address=uri)

    coroutine = _listen_at_all(reactor, factory, host, port, endpoint)
    return Deferred.fromCoroutine(coroutine).addCallback(say)


def _awaited(function: Callable[[Any], Awaitable[Any]], reactor: Any) -> Deferred[Any]:
    def explain(failure: Failure) -> Failure:
        assert failure.value is not None
        explain_reactor(failure.value, function, reactor)
        return failure

    def call() -> Any:
        result: Any = function(reactor)
        return start_task(result) if iscoroutine(result) else ensureDeferred(result)

    return maybeDeferred(call).addErrback(explain)


def _explain(reason: Failure, where: str) -> Failure | int:
    """Say in a sentence why it can't listen; what else has failed goes on as it is."""
    error = reason.value
    if isinstance(error, CannotListenError):
        number = getattr(error.socketError, "errno", None)
        why = _SENTENCES.get(number or 0) or str(error.socketError)
    elif isinstance(error, DNSLookupError):
        why = "the name has no address"
    elif isinstance(error, ValueError):
        why = str(error)
    else:
        return reason
    _log.error("cannot listen on {where}: {why}", where=escaped(where), why=escaped(why))
    return 1


def _run(
    reactor: Any,
    start: Callable[[], Deferred[Any]],
    loop: AbstractContextManager[object],
    ends: bool,
) -> SystemExit | None:
    """Run the reactor, within what ends its loop; return how to exit, None for an ordinary end."""
    exit_: SystemExit | None = None
    stopping = False
    # Signals are the main thread's; in another, whoever has started it stops the reactor.
    signals = current_thread() is main_thread()

    def stop_soon() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            reactor.stop()

    def shut_down() -> None:
        nonlocal stopping
        stopping = True
        reactor.callLater(_SOON, _say_who_is_waited_for, reactor)
        if signals:
            _leave_signals_to_the_system()

    def started(result: Any) -> None:
        nonlocal exit_
        if isinstance(result, Failure) and result.check(CannotListenError):
            # The program's own server, be it only one of its servers.
            error: Any = result.value
            _explain(result, f"{error.interface or '*'}:{error.port}")
            exit_ = SystemExit(1)
        elif isinstance(result, Failure) and isinstance(result.value, SystemExit):
            exit_ = result.value
        elif isinstance(result, Failure):
            # A program that ends as its connections are closed on a signal has not failed.
            ends_of = (ConnectionClosed, CancelledError)
            assert result.value is not None
            told = all(isinstance(each, ends_of) for each in causes_of(result.value))
            if not (stopping and told):
                log_failure(_log, "the program has failed", own_part(result))
                exit_ = SystemExit(1)
        elif not ends and result:
            exit_ = SystemExit(result)
        if ends or exit_ is not None:
            stop_soon()

    def begin() -> None:
        start().addBoth(started)

    reactor.addSystemEventTrigger("before", "shutdown", shut_down)
    if signals:
        reactor.callWhenRunning(_take_one_signal, reactor)
    reactor.callWhenRunning(lambda: loop_runs(reactor).addCallback(lambda _: begin()))
    with _signals_kept() if signals else nullcontext(), loop:
        reactor.run(**({} if signals else {"installSignalHandlers": False}))
    return exit_


def _take_one_signal(reactor: Any) -> None:
    """Have the reactor stop on the first signal, and leave the next to the system at once.

    Code that blocks the reactor keeps it from stopping, but not from being ended.
    """

    for number, name in ((signal.SIGINT, "sigInt"), (signal.SIGTERM, "sigTerm")):
        stop = getattr(reactor, name, None)

        def first(number: int, frame: FrameType | None, stop: Any = stop) -> None:
            _leave_signals_to_the_system()
            stop(number, frame)

        # An application's own, as a debugger's, stays.
        if stop is not None and signal.getsignal(number) == stop:
            signal.signal(number, first)


def _leave_signals_to_the_system() -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)


def _say_who_is_waited_for(reactor: Any) -> None:
    _log.info(
        "waiting for {whom} (close_timeout says how long); a second signal ends it at once",
        whom=waited_for(reactor) or "what else is to stop",
    )


@contextmanager
def _signals_kept() -> Iterator[None]:
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)


def _begin_logging() -> None:
    """Log to stderr for people, unless the application logs already."""
    if not is_unobserved():
        return
    begun = False

    def is_news(event: LogEvent) -> Any:
        # Twisted repeats what was logged before, some of which was seen then.
        old = not begun and was_shown(event)
        return PredicateResult.no if old else PredicateResult.maybe

    predicates = [cast(ILogFilterPredicate, each) for each in (is_news, _for_people)]
    observer = FilteringLogObserver(FileLogObserver(sys.stderr, _line), predicates)
    globalLogBeginner.beginLoggingTo([cast(ILogObserver, observer)], redirectStandardIO=False)
    begun = True


def _for_people(event: LogEvent) -> Any:
    """Leave out that Twisted starts and stops; all else that is for people is seen."""
    namespace, level = str(event.get("log_namespace")), event.get("log_level", LogLevel.info)
    if _PORT.match(str(event.get("log_text", ""))):
        return PredicateResult.no
    quiet = (LogLevel.debug, LogLevel.info) if namespace.startswith("twisted.") else ()
    if level in quiet or (level is LogLevel.debug and not namespace.startswith("txws2")):
        return PredicateResult.no
    return PredicateResult.maybe


def _line(event: LogEvent) -> str:
    text = eventAsText(event, includeSystem=False, formatTime=_time)
    return f"{text}\n"


def _time(when: float | None) -> str:
    return strftime("%H:%M:%S", localtime(when))
