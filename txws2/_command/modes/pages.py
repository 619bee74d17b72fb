"""`--status`, `--healthz` and `--metrics`: pages about the server itself."""

from __future__ import annotations

import os
from typing import Any

from txws2._command.modes.mode import Making, Mode, place_alone
from txws2._command.option import Option, WrongOption
from txws2._pages.health import Health, Metrics
from txws2._pages.status import Status

__all__ = ["HealthMode", "MetricsMode", "StatusMode"]


class StatusMode(Mode):
    """The status page."""

    option = Option(
        "status",
        "a page that shows live what the server does, to browsers on this machine",
        "[PATH]",
        place_alone,
        otherwise="/status",
        many=True,
        bare="/status",
    )
    settings = (
        Option(
            "status-password",
            "show the status to all who know the password in the first line of a file; its user "
            "may have any name",
            "FILE",
        ),
    )
    page = True

    def make(self, what: str, making: Making) -> Any:
        """Return the status page."""
        path = making.options["status-password"]
        if path is None and making.options["trusted-proxy"]:
            raise ValueError(
                "--status behind a --trusted-proxy needs --status-password, as all clients come "
                "from the proxy"
            )
        password = None if path is None else _password(os.path.join(making.directory, path), path)
        status = Status(password, making.reactor)
        making.own.append(status.factory)
        return status


class HealthMode(Mode):
    """An answer for those who watch over the server."""

    option = Option(
        "healthz",
        "over HTTP, 200 while clients are welcome, and 503 while the server stops",
        "[PATH]",
        place_alone,
        otherwise="/healthz",
        many=True,
        bare="/healthz",
    )
    page = True

    def make(self, what: str, making: Making) -> Any:
        """Return the answer."""
        return Health()


class MetricsMode(Mode):
    """The counters for Prometheus."""

    option = Option(
        "metrics",
        "over HTTP, the counters for Prometheus",
        "[PATH]",
        place_alone,
        otherwise="/metrics",
        many=True,
        bare="/metrics",
    )
    page = True

    def make(self, what: str, making: Making) -> Any:
        """Return the counters."""
        try:
            return Metrics(making.reactor)
        except ValueError as exc:
            raise ValueError(f"--metrics: {exc}") from exc


def _password(path: str, shown: str) -> str:
    """Return the password in a file.

    Raises:
        WrongOption: there is none.
    """
    try:
        # Editors of Windows may put a byte order mark at the beginning.
        with open(path, encoding="utf-8-sig") as file:
            password = file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it isn't UTF-8"
        raise _wrong_password(f"{shown!r} can't be read: {reason}") from exc
    if not password:
        raise _wrong_password(f"{shown!r} has no password in its first line")
    return password


def _wrong_password(problem: str) -> WrongOption:
    return WrongOption("status-password", f"--status-password {problem}")
