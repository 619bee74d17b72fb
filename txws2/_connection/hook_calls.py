"""Calls of an application's hooks, one after the other; their results are awaited.

Each function gets the driver of the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from txws2._connection.closing_handshake import begin_closing
from txws2._connection.hook_queue import Succession
from txws2._connection.journal import only_ended
from txws2._connection.phases import DISCARDING, GONE, HELD, OPEN, SETTLED
from txws2._connection.receiver import Receiver, has_hook
from txws2._deferreds.callables import has_fired
from txws2._deferreds.missing_loop import log_failure
from txws2.exceptions import ConnectionClosed
from txws2.wire.closing import CloseCode

__all__ = [
    "application_failed",
    "call",
    "close_after_failure",
    "go_on",
    "hook_failed",
    "hook_returned",
    "let_go_of_application",
    "tell",
    "tell_lost",
]


def tell(driver: Any, name: str, *arguments: Any) -> None:
    """Call a hook of the application; if it raises, this connection is closed with 1011.

    The exception may be of any class, as where Twisted calls a protocol: a SystemExit in one
    connection's code must not end the others.
    """
    outbox = driver.outbox
    # The same as in `_has_hung_up`, mostly without the call.
    closed = outbox is not None and outbox.hung_up()
    if (closed or driver.delivery is DISCARDING) and _has_hung_up(driver):
        return
    hook = getattr(driver.receiver if name == "messageReceived" else driver.application, name)
    intake = driver.intake
    if intake is None or intake.succession is None:
        # The same as in `call`, without the call.
        try:
            result = hook(*arguments)
        except BaseException:
            driver.application_failed(Failure())
        else:
            if result is not None:
                driver.hook_returned(result)
    elif has_hook(hook):
        intake.succession.add(hook, arguments)


def _has_hung_up(driver: Any) -> bool:
    """Tell whether the application gets nothing more, as when it has closed the transport."""
    if driver.delivery is not DISCARDING and driver.outbox is not None and driver.outbox.hung_up():
        driver.transport_closed()
    return bool(driver.delivery is DISCARDING)


def call(driver: Any, hook: Callable[..., object], *arguments: Any) -> None:
    """Call a hook now."""
    try:
        result = hook(*arguments)
    except BaseException:
        driver.application_failed(Failure())
    else:
        if result is not None:
            driver.hook_returned(result)


def hook_returned(driver: Any, result: object) -> None:
    """Await the result of a hook; the hooks after it wait for that."""
    try:
        running = driver.await_hook(result)
    except TypeError:
        driver.application_failed(Failure())
        return
    if running is None:
        return
    running.addErrback(driver.hook_failed)
    if not has_fired(running):
        succession = driver.succession
        if succession is None:
            succession = driver.begin_succession()
        succession.follow(running)
        driver.open_up()


def hook_failed(driver: Any, failure: Failure) -> None:
    """Take the failure of a hook whose result was awaited."""
    ended = failure.check(ConnectionClosed) or (
        driver.opened and only_ended(driver.connection.closing, failure.value)
    )
    if driver.phase is OPEN or not ended:
        driver.application_failed(failure)


def go_on(driver: Any, succession: Succession) -> None:
    """Call the hooks that wait, until one isn't done when it returns."""
    if succession.calling:
        # The hook that lets them go on has to return first.
        return
    succession.calling = True
    # They wait while the application has paused.
    while driver.delivery is not HELD or driver.phase >= SETTLED:
        # The application may have closed the transport meanwhile.
        _has_hung_up(driver)
        taken = succession.take()
        if taken is None:
            break
        hook, arguments = taken
        call(driver, hook, *arguments)
    driver.wake()
    succession.calling = False
    intake = driver.intake
    if succession.idle:
        intake.succession = None
        if succession.has_dropped and driver.pushes:
            driver.discard_messages()
        driver.open_up()
        succession.end()
        let_go_of_application(driver)
    if len(succession) <= (driver.factory.max_queue or 0) // 4:
        intake.reading.resume()


def application_failed(driver: Any, failure: Failure) -> None:
    """Log the failure of the application, and close the connection."""
    log_failure(driver.factory.log, "connection handler failed", failure, connection=driver.id)
    driver.discard_messages()
    close_after_failure(driver)


def close_after_failure(driver: Any) -> None:
    """Close the connection with 1011."""
    if driver.phase is OPEN:
        # The close frame has no details: they could help an attacker.
        driver.outbox.write(driver.connection.send_close(CloseCode.INTERNAL_ERROR))
        begin_closing(driver)


def tell_lost(driver: Any) -> None:
    """Tell the application the end of its connection, after all else."""
    application, intake = driver.application, driver.intake
    # This is the class's method: until the transport is gone, the instance's is the driver.
    lost = type(application).connectionLost
    if intake is None or intake.succession is None:
        # Making a Failure costs more than all else that is done here.
        if lost is not Receiver.connectionLost:
            call(driver, lost, application, Failure(driver.ended_with()))
        if driver.delivery is not DISCARDING:
            driver.change_delivery(DISCARDING)
        return
    intake.succession.add_last(lost, application, Failure(driver.ended_with()))
    if driver.delivery is HELD:
        # The application doesn't take the calls that wait.
        intake.succession.clear()
        driver.go_on()


def let_go_of_application(driver: Any) -> None:
    """Drop the reference to the application once all is over: it would be a cycle."""
    intake = driver.intake
    if driver.phase is GONE and (intake is None or intake.succession is None):
        if driver.delivery is not DISCARDING:
            driver.change_delivery(DISCARDING)
        driver.application = driver.receiver = None
