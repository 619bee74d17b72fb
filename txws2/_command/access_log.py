"""The access log of `twistd ws`: a line in the common format for each request and WebSocket."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO, cast

from twisted.logger import Logger
from twisted.web.http import SWITCHING
from twisted.web.http import Request as HTTPRequest
from twisted.web.server import Site

from txws2.server.site_clients import site_client
from txws2.wire.exceptions import InvalidHandshake
from txws2.wire.http.ip_addresses import Networks

__all__ = ["AccessLog", "LoggedSite"]

# Names of months depend on the language of the system otherwise.
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

# Nothing that a client sends may end a line or a field.
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")

# A peer may send a line of many kilobytes.
_LONGEST = 2000


class AccessLog:
    """A file with a line for each request, in the common format of web servers.

    Queries are left out, as they may have passwords and tokens in them.

    Args:
        path: the path of the file; "-" for standard output.
        trusted_proxies: the proxies whose word on the client's address counts.
        create: False only to find out whether it can be written, and to leave no new file behind.

    Raises:
        ValueError: the file can't be written.
    """

    def __init__(
        self, path: str, trusted_proxies: Sequence[str] = (), *, create: bool = True
    ) -> None:
        self._path = path
        # twistd may change the current directory before the file is opened again.
        self._place = os.path.abspath(path)
        self._trusted = Networks(trusted_proxies)
        self._failing = False
        self._log = Logger(namespace="txws2.server")
        existed = os.path.lexists(self._place)
        self._file = self._opened()
        if not create and path != "-":
            self._file.close()
            if not existed:
                os.unlink(self._place)

    def _opened(self) -> TextIO:
        if self._path == "-":
            # twistd puts its own log in the place of sys.stdout.
            return cast(TextIO, sys.__stdout__)
        try:
            return open(self._place, "a", encoding="ascii", buffering=1)
        except OSError as exc:
            raise ValueError(f"can't write {self._path!r}: {exc.strerror}") from exc

    def reopen(self) -> None:
        """Open the file again, after another program has renamed it."""
        try:
            opened = self._opened()
        except ValueError as exc:
            self._log.error("{problem}; the file before is used", problem=str(exc))
            return
        if opened is not self._file and self._path != "-":
            self._file.close()
        self._file = opened

    def websocket(self, driver: Any, status: int) -> None:
        """Write the line of a WebSocket that has ended, or that was refused.

        Args:
            driver: the driver of the connection.
            status: the status of the answer; 101 if it was open.
        """
        request = driver.known_request
        if request is None:
            return
        line = f"{request.method} {request.path.partition('?')[0]} {request.protocol}"
        address = driver.peer_address
        host = address[0] if isinstance(address, tuple) else "-"
        size = driver.count().bytes_out if status == SWITCHING else 0
        user = getattr(driver.application, "username", None)
        self._write(host, user, line, status, size)

    def page(self, request: HTTPRequest) -> None:
        """Write the line of a request that the site has answered."""
        if request.code == SWITCHING:
            # Its own line comes when the WebSocket ends.
            return
        path = request.uri.partition(b"?")[0]
        line = b" ".join((request.method, path, request.clientproto)).decode("latin-1")
        host = self._host_of(request)
        user = getattr(request, "remote_user", None)
        self._write(host, user, line, request.code, request.sentLength)

    def _host_of(self, request: HTTPRequest) -> str:
        try:
            client = site_client(request, self._trusted)
        except InvalidHandshake:
            client = None
        if client is not None and client.host is not None:
            return client.host
        return getattr(request.getClientAddress(), "host", None) or "-"

    def _write(self, host: str, user: object, line: str, status: int, size: int) -> None:
        now = datetime.now(UTC)
        time = f"{now:%d}/{_MONTHS[now.month - 1]}/{now:%Y:%H:%M:%S} +0000"
        name = _safe(str(user)).replace(" ", "%20") if user else "-"
        text = f'{_safe(host)} - {name} [{time}] "{_safe(line)}" {status} {size or "-"}\n'
        try:
            self._file.write(text)
            self._file.flush()
            self._failing = False
        except (OSError, ValueError) as exc:
            # A full disk ends no connection.
            if not self._failing:
                self._failing = True
                reason = type(exc).__name__ if isinstance(exc, ValueError) else exc.strerror
                self._log.error("can't write the access log: {reason}", reason=reason)


def _safe(text: str) -> str:
    def escape(match: re.Match[str]) -> str:
        return "".join(f"\\x{byte:02x}" for byte in match[0].encode(errors="replace"))

    return _UNSAFE.sub(escape, text[:_LONGEST])


class LoggedSite(Site):
    """A site whose requests are in the access log.

    Args:
        resource: the root.
        access_log: the access log.
        reactor: the reactor.
    """

    noisy = False

    def __init__(self, resource: Any, access_log: AccessLog, reactor: Any) -> None:
        super().__init__(resource, reactor=reactor)  # type: ignore[no-untyped-call]
        self._access_log = access_log

    def log(self, request: HTTPRequest) -> None:
        """Write the line of a request."""
        self._access_log.page(request)
