"""`run`: a server, or a program of your own, from start to end."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from functools import partial
from inspect import iscoroutine
from threading import current_thread, main_thread
from time import localtime, strftime
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

from txws2._checks.kinds import check_flag, check_reactor
from txws2._checks.options import check_options, shortened
from txws2._connection.factory import global_reactor
from txws2._connection.stderr_log import is_unobserved, was_shown
from txws2._deferreds.asyncio_reactor import check_no_loop, install
from txws2._deferreds.causes import causes_of
from txws2._deferreds.missing_loop import log_failure
from txws2._deferreds.tasks import loop_runs
from txws2._deferreds.tasks import started as start_task
from txws2.exceptions import ConnectionClosed
from txws2.server.factory import ServerOptions, WebSocketServerFactory
from txws2.server.function_end import end_function
from txws2.server.listeners import check_place
from txws2.server.main_function import check_program, explain_reactor
from txws2.server.mounts import has_site, with_paths
from txws2.server.program_failure import own_part
from txws2.server.reactor_stop import tell_soon
from txws2.server.reload import Changes, is_watched, supervise
from txws2.server.server import Endpoint, listen_at
from txws2.server.signals import handlers_restored, restore_default_actions, stop_on_first_signal
from txws2.wire.escaping import escaped

__all__ = ["run"]

_log = Logger(namespace="txws2.run")

# Advice for a user who waits for the program to end.
_ADVICE = "(close_timeout says how long); a second signal ends it at once"

# Twisted logs these lines for each port, with its older log.
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

    Unless the application has set up logging, the log goes to stderr, in short lines. On the first
    signal every connection of a server is closed with 1001; then a function that still runs is
    cancelled, and has 10 seconds to end. A second signal ends the process at once. Outside
    the main thread there are no signals: `reactor.callFromThread(reactor.stop)` ends the program.

    Args:
        target: with a port or an endpoint, a handler, as for `serve`; a factory, as
            `WebSocketServerFactory` or `Mounts`; or a resource of twisted.web, for which a site is
            made. Without a port and an endpoint, target is a function that is called with the
            reactor, as the function of `twisted.internet.task.react` is. The program ends when the
            function's result has come.
        host: the address to listen at, or a name, as for `serve`.
        port: the TCP port; 0 for any that is free.
        endpoint: instead of host and port, an endpoint, or its description.
        reactor: the reactor to run; None for the global one; "asyncio" to install asyncio's, on
            which handlers and the function can use asyncio's libraries, or "uvloop" for the same
            with the loop of uvloop. Then the program ends as `asyncio.run` does: tasks that are
            left are cancelled, and the loop is closed.
        reload: True to run the program in a process of its own, and to start it again whenever
            the file of a module has changed; for development.
        **options: for a handler, the options of `serve`.

    Raises:
        SystemExit: with status 1 if the server can't listen, or the function has failed; a
            sentence or a traceback has said so. Or the function has called `sys.exit`. After a
            signal, `run` returns.
        TypeError: there are both an endpoint and a port, or options that the target doesn't take;
            the target serves connections and there is no port; or as `serve` raises it.
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
            check_no_loop()
        else:
            check_reactor(reactor)
        if isinstance(reactor, str):
            loop = install(reactor)
            reactor = None
        reactor = reactor or global_reactor()
        factory: Any = _factory_of(target, reactor, options) if serves else None
    except (TypeError, ValueError, RuntimeError, ImportError) as exc:
        raise shortened(exc)  # noqa: B904
    changes = Changes(reactor) if reload else None
    if serves:
        start = partial(_listening, reactor, factory, host, port, endpoint)
    else:
        start = partial(_awaited, target, reactor)
    exit_ = _run(reactor, start, loop, ends=not serves)
    if changes is not None and changes.seen:
        sys.exit(changes.STATUS)
    if exit_ is not None:
        raise exit_


def _listening(
    reactor: Any, factory: Any, host: str | None, port: int | None, endpoint: Endpoint | None
) -> Deferred[Any]:
    where = f"{host or '*'}:{port}" if endpoint is None else str(endpoint)
    site, paths = _is_site(factory), partial(with_paths, factory=factory)
    listening = maybeDeferred(
        listen_at, reactor, factory, host, port, endpoint, _log, site=site, with_paths=paths
    )
    return listening.addCallbacks(lambda _: None, _explain, errbackArgs=(where,))


def _check(
    target: object, host: object, port: object, endpoint: object, options: ServerOptions
) -> bool:
    """Make sure that the arguments go together; return True if the target is to be served."""
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
        # Nobody can have made a resource without this module.
        return False
    from twisted.web.resource import IResource

    return bool(IResource.providedBy(target))


def _is_site(factory: object) -> bool:
    web: Any = sys.modules.get("twisted.web.server")
    return has_site(factory) or (web is not None and isinstance(factory, web.Site))


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
    """Log a sentence that says why the server can't listen, and return the exit status.

    Any other failure is returned as it is.
    """
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
    """Run the reactor in the context of its loop.

    Returns:
        The exception to exit with; None for a normal end.
    """
    exit_: SystemExit | None = None
    stopping = False
    running: Deferred[Any] | None = None
    # Only the main thread gets signals. In another thread, the caller's code stops the reactor.
    signals = current_thread() is main_thread()

    def stop_soon() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            reactor.stop()

    def shut_down() -> Deferred[None] | None:
        nonlocal stopping
        stopping = True
        tell_soon(reactor, _log, _ADVICE)
        if signals:
            restore_default_actions()
        return end_function(running, reactor) if ends and running is not None else None

    def ended(result: Any) -> None:
        nonlocal exit_
        # The result of a main function is ignored.
        exit_ = None if ends and not isinstance(result, Failure) else _exit_of(result, stopping)
        if ends or exit_ is not None:
            stop_soon()

    def begin() -> None:
        nonlocal running
        running = start().addBoth(ended)

    reactor.addSystemEventTrigger("before", "shutdown", shut_down)
    if signals:
        reactor.callWhenRunning(stop_on_first_signal, reactor)
    reactor.callWhenRunning(lambda: loop_runs(reactor).addCallback(lambda _: begin()))
    with handlers_restored() if signals else nullcontext(), loop:
        reactor.run(**({} if signals else {"installSignalHandlers": False}))
    return exit_


def _exit_of(result: Any, stopping: bool) -> SystemExit | None:
    """Return the exception to exit with after this result of a program; None for a normal end.

    A failure is logged. A program that ends because its connections were closed on a signal has
    not failed.
    """
    if not isinstance(result, Failure):
        return SystemExit(result) if result else None
    error: Any = result.value
    if isinstance(error, SystemExit):
        return error
    if isinstance(error, CannotListenError):
        # The program itself has tried to listen, perhaps with one server of several.
        _explain(result, f"{error.interface or '*'}:{error.port}")
        return SystemExit(1)
    ends_of = (ConnectionClosed, CancelledError)
    if stopping and all(isinstance(each, ends_of) for each in causes_of(error)):
        return None
    log_failure(_log, "the program has failed", own_part(result))
    return SystemExit(1)


def _begin_logging() -> None:
    """Log to stderr, in lines for people, unless the application logs already."""
    if not is_unobserved():
        return
    begun = False

    def is_news(event: LogEvent) -> Any:
        # Twisted repeats the events that came before logging began. Some were shown at once.
        old = not begun and was_shown(event)
        return PredicateResult.no if old else PredicateResult.maybe

    predicates = [cast(ILogFilterPredicate, each) for each in (is_news, _for_people)]
    observer = FilteringLogObserver(FileLogObserver(sys.stderr, _line), predicates)
    globalLogBeginner.beginLoggingTo([cast(ILogObserver, observer)], redirectStandardIO=False)
    begun = True


def _for_people(event: LogEvent) -> Any:
    """Leave out the events that most people don't need.

    These are Twisted's events below level warn, its lines about ports, and all debug events
    except those of txws2.
    """
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
