"""The bytes of reads: they are decoded part by part, and may have to wait in between.

Each function gets the driver of the connection.
"""

from __future__ import annotations

from typing import Any

from txws2._connection.event_delivery import deliver
from txws2.wire.events import Event

__all__ = ["hold_read", "let_catch_up", "receive", "receive_held", "receive_rest"]


def receive(driver: Any, data: bytes) -> None:
    """Take bytes of any frames, and deliver their events."""
    if driver.stopped:
        _keep_rest(driver, data)
        return
    if driver.intake is not None:
        driver.intake.begin_read()
    position = _receive_some(driver, data, 0)
    while position < len(data):
        let_catch_up(driver)
        if driver.stopped:
            _keep_rest(driver, data[position:])
            return
        position = _receive_some(driver, data, position)
    driver.read_ended()


def _receive_some(driver: Any, data: bytes, position: int) -> int:
    events: list[Event] = []
    position = driver.connection.receive_some(data, position, events)
    deliver(driver, events)
    return position


def let_catch_up(driver: Any) -> None:
    """Wake those who wait; if they leave too much, stop: the rest of the read waits."""
    driver.read_ended()
    driver.wake()
    if driver.intake is not None:
        driver.intake.let_catch_up(driver)


def _keep_rest(driver: Any, data: bytes) -> None:
    """Keep the rest of a read, or bytes that arrive after it, for `receive_rest`."""
    # If bytes are held, they came during this read.
    driver.need_intake().hold_read(data, first=driver.holds)
    driver.holds = False


def receive_rest(driver: Any) -> None:
    """Receive the bytes that were kept, if the application has taken enough by now."""
    intake = driver.intake
    if intake.can_go_on(driver):
        driver.open_up()
        driver.holds = bool(intake.reads)
        if driver.holds and not driver.busy:
            driver.data_received(_take_held(driver))


def hold_read(driver: Any, data: bytes) -> None:
    """Keep bytes that arrive while another read is being processed."""
    driver.need_intake().hold_read(data)
    driver.holds = not driver.stopped


def receive_held(driver: Any) -> None:
    """Receive the bytes that were kept."""
    while driver.holds:
        receive(driver, _take_held(driver))


def _take_held(driver: Any) -> bytes:
    data: bytes = driver.intake.take_read()
    driver.holds = bool(driver.intake.reads)
    return data
