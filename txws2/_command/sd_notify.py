"""Words to systemd: the server is ready, reloads, stops, and is alive (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

__all__ = ["Notifier", "notifier_of"]

_log = Logger(namespace="txws2.server")


def notifier_of(reactor: Any, environment: MutableMapping[str, str] | None = None) -> Notifier:
    """Return the notifier of this process; it says nothing if systemd hasn't asked for words.

    The variables are taken out of the environment, as they aren't for programs that the server
    starts.

    Args:
        reactor: the reactor.
        environment: the environment; None for that of the process.
    """
    given = os.environ if environment is None else environment
    path = given.pop("NOTIFY_SOCKET", "")
    pause, process = given.pop("WATCHDOG_USEC", ""), given.pop("WATCHDOG_PID", "")
    watched = pause.isdecimal() and process in ("", str(os.getpid()))
    return Notifier(reactor, path, int(pause) / 1e6 if watched else 0)


class Notifier:
    """Sends words to systemd.

    Args:
        reactor: the reactor.
        path: the path of systemd's socket; "@" at its beginning stands for an abstract name. Empty
            if there is none.
        watchdog: the seconds within which systemd wants a sign of life; 0 for none.
    """

    def __init__(self, reactor: Any, path: str, watchdog: float = 0) -> None:
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._watchdog = watchdog
        self._alive = LoopingCall(self.tell, "WATCHDOG=1")
        self._alive.clock = reactor

    def __bool__(self) -> bool:
        """True if systemd listens."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Say that the server serves, and give signs of life from now on."""
        self.tell("READY=1", f"STATUS={status}")
        if self and self._watchdog and not self._alive.running:
            # systemd.service(5) advises half of the time.
            self._alive.start(self._watchdog / 2)

    def reloading(self) -> None:
        """Say that files are read again; `ready` says that this is done."""
        # systemd compares this with the time of its signal.
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """Say that the server stops; the signs of life go on."""
        self.tell("STOPPING=1", f"STATUS={status}")

    def tell(self, *words: str) -> None:
        """Send some words; if that fails, log it once."""
        if not self:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                # The server doesn't wait for systemd.
                sender.setblocking(False)
                sender.sendto("\n".join(words).encode(), self._address)
        except BlockingIOError:
            return
        except OSError as exc:
            text = "can't send to the socket of systemd (NOTIFY_SOCKET): {reason}"
            _log.warn(text, reason=exc.strerror or str(exc))
            self._address = ""
            if self._alive.running:
                self._alive.stop()
