"""asyncio's reactor, with asyncio's own event loop or that of uvloop."""

from __future__ import annotations

import asyncio
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from twisted.internet.base import ReactorBase

from txws2._deferreds.eventual import PAGE, is_asyncios
from txws2._private_names import ASYNCIO_LOOP, current_loop

__all__ = ["check_loop", "check_no_loop", "install"]

_REACTOR = "twisted.internet.reactor"


def install(name: str) -> AbstractContextManager[object]:
    """Install the reactor of this name, unless it is installed already.

    Args:
        name: "asyncio"; or "uvloop", which is the same with the event loop of uvloop.

    Returns:
        A context manager in which the reactor runs. On leaving it, the loop ends as that of
        `asyncio.run` does: tasks that are left are cancelled, and the loop is closed. The loop of
        a reactor that was installed before isn't touched.

    Raises:
        ImportError: uvloop isn't installed.
        RuntimeError: another reactor is installed.
        ValueError: there is no reactor of this name.
    """
    new_loop = _loop_factory_of(name)
    installed = sys.modules.get(_REACTOR)
    if installed is not None:
        _check(installed, name)
        return nullcontext()
    from twisted.internet import asyncioreactor

    runner = asyncio.Runner(loop_factory=new_loop)
    # Libraries may ask for the loop before it runs.
    asyncio.set_event_loop(runner.get_loop())
    asyncioreactor.install(runner.get_loop())
    return runner


def check_no_loop() -> None:
    """Make sure that no event loop of asyncio runs here, so that one can be started.

    Raises:
        RuntimeError: an event loop runs.
    """
    if current_loop() is not None:
        raise RuntimeError(
            "run() starts an event loop, and asyncio runs one here already: call run() from the "
            "top of the program instead of asyncio.run(), or serve() from a coroutine; "
            f"{PAGE} has more"
        )


def check_loop() -> None:
    """Make sure that the reactor can run, if an event loop of asyncio runs here.

    Raises:
        RuntimeError: the reactor doesn't run on that loop, or none is installed yet.
    """
    loop = current_loop()
    if loop is None:
        return
    reactor = sys.modules.get(_REACTOR)
    if reactor is not None and not isinstance(reactor, ReactorBase):
        # This is a reactor of a test.
        return
    if reactor is None or not (reactor.running or _may_run_on(loop, reactor)):
        raise RuntimeError(
            "asyncio's event loop runs here, but not Twisted's reactor, so nothing would ever "
            'happen: call txws2.run(main, reactor="asyncio") instead of asyncio.run(main()); '
            f"{PAGE} has more"
        )


def _loop_factory_of(name: str) -> Callable[[], AbstractEventLoop]:
    """Return the function that makes the loop."""
    if name == "asyncio":
        return asyncio.new_event_loop
    if name != "uvloop":
        raise ValueError(
            f'reactor must be "asyncio", "uvloop", or a reactor; it is {name!r}. To install '
            "another one, call install() of its module, as twisted.internet.pollreactor.install()"
        )
    try:
        import uvloop
    except ImportError as exc:
        raise ImportError(
            'reactor="uvloop" needs uvloop, which is not installed here: pip install uvloop'
        ) from exc
    made: Callable[[], AbstractEventLoop] = uvloop.new_event_loop
    return made


def _check(installed: Any, name: str) -> None:
    """Make sure that the installed reactor is the one of this name."""
    what = type(installed).__name__
    if is_asyncios(installed):
        loop = _loop_of(installed)
        if name == "asyncio" or loop is None or type(loop).__module__.startswith("uvloop"):
            return
        what = f"{what} with a {type(loop).__name__}"
    argument = "uvloop.new_event_loop()" if name == "uvloop" else ""
    raise RuntimeError(
        f'reactor="{name}" comes too late: {what} is installed already, as by `from '
        f"twisted.internet import reactor`{_where(installed)}. Import it in a function that is "
        "called later, or begin the program with `from twisted.internet import asyncioreactor; "
        f"asyncioreactor.install({argument})`"
    )


def _may_run_on(loop: AbstractEventLoop, reactor: Any) -> bool:
    return is_asyncios(reactor) and _loop_of(reactor) in (loop, None)


def _where(reactor: Any) -> str:
    """Name the first modules that have imported the reactor at their top."""
    names = [
        name
        for name, module in list(sys.modules.items())
        if name not in (_REACTOR, "twisted.internet")
        and getattr(module, "__dict__", {}).get("reactor") is reactor
    ]
    return f" in {', '.join(names[:3])}" if names else ""


def _loop_of(reactor: Any) -> AbstractEventLoop | None:
    """Return the loop of asyncio's reactor; None if Twisted lacks the private name of it."""
    if not ASYNCIO_LOOP.are_in(type(reactor)):
        return None
    loop: AbstractEventLoop | None = reactor._asyncioEventloop
    return loop
