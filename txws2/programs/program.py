"""`Program`: a process for each connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txws2._checks.kinds import check_count, check_flag, check_path, check_reactor, check_seconds
from txws2._connection.ending import Moment
from txws2._connection.handle import driver_of
from txws2._connection.phases import OPEN
from txws2._deferreds.missing_loop import log_failure
from txws2._deferreds.tasks import started
from txws2.programs.child import Child, Times, how_it_ended
from txws2.programs.command import Command, Process, is_shortage
from txws2.programs.environment import (
    PASSED,
    chosen,
    path_info,
    request_variables,
)
from txws2.programs.lines import Chunks, Lines
from txws2.programs.messages import feed, send_together
from txws2.wire.closing import CloseCode
from txws2.wire.escaping import escaped
from txws2.wire.http.heads import Request, Response

__all__ = ["Program"]

_log = Logger(namespace="txws2.programs")

# The seconds after which a client may ask again, if too many programs run.
_RETRY_AFTER = "5"


class Program:
    """A handler that starts a program for each connection, as websocketd does.

    Each line that the program prints is sent as a text message, without its end. Each text message
    is written to the program's input, with a line end. A client that reads slowly makes the program
    wait, and a program that reads slowly makes the client wait.

    When the client leaves, the program's input ends. If the program hasn't ended term_after
    seconds later, it gets SIGTERM, with all its children, and SIGKILL kill_after seconds after
    that. When the program ends, all that it has printed is sent. Then the connection is closed:
    with 1000 after exit status 0, and otherwise with 1011 and a reason such as "exit status 3".

    The lines of its standard error go to the log. Its environment has the request, as CGI has it
    (RFC 3875).

    Args:
        arguments: the program and its arguments. There is no shell: the client has no influence on
            them. A program without a slash in its name is looked up in PATH.
        binary: True to send what each read gets as a binary message, in place of lines. Text
            messages are still written with a line end, and binary messages without.
        max_programs: the number of programs that may run at the same time (100); further requests
            get a 503. None for no limit: then clients decide how many processes there are.
        max_size: the greatest number of bytes of a line (1 MiB). A longer line ends the program,
            and its connection with 1011. None for no limit: then such a line fills the memory.
        pass_environment: the names of variables that the program gets from our own environment;
            by default those of websocketd: PATH and LD_LIBRARY_PATH (DYLD_LIBRARY_PATH on macOS).
        environment: further variables; these go before those of the request.
        directory: the folder that the program works in; None for our own.
        path: the path that the program is served at, for SCRIPT_NAME and PATH_INFO.
        term_after: the seconds from the end of the program's input to SIGTERM (0.1).
        kill_after: the seconds from SIGTERM to SIGKILL (5). A server that stops doesn't wait longer
            than its close_timeout, and then kills the programs.
        reactor: the reactor to run on; None for the server's.

    Raises:
        TypeError: an option is of the wrong kind.
        ValueError: there is no such program, or it isn't executable; or an option is out of range.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        binary: bool = False,
        max_programs: int | None = 100,
        max_size: int | None = 1 << 20,
        pass_environment: Sequence[str] = PASSED,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
        path: str = "/",
        term_after: float = 0.1,
        kill_after: float = 5,
        reactor: Any = None,
    ) -> None:
        check_flag("binary", binary)
        check_count("max_programs", max_programs, 1)
        check_count("max_size", max_size, 1)
        check_path(path)
        check_seconds("term_after", term_after, zero=True, optional=False)
        check_seconds("kill_after", kill_after, zero=True, optional=False)
        if reactor is not None:
            check_reactor(reactor)
        self._command = Command(arguments, directory)
        self._passed = chosen(pass_environment, None)
        self._given = chosen((), environment)
        self._binary = binary
        self._max_programs = max_programs
        self._max_size = max_size
        self._script_name = path
        self._times = Times(term_after, kill_after)
        self._reactor = reactor
        self._sessions: set[_Session] = set()
        # The reason of the latest refusals, which is logged once.
        self._told = ""

    @property
    def running(self) -> int:
        """The number of programs that are running."""
        return len(self._sessions)

    def process_request(self, connection: Any, request: Request) -> Response | None:
        """Refuse a request for which no program could be started; the server calls this."""
        problem = self._command.problem()
        if problem is not None:
            self._tell_once(_log.error, problem)
            return _refusal(connection, 502, "The program of this address can't be started.\n")
        if self._is_full():
            why = f"{self.running} programs run already, as many as max_programs allows"
            self._tell_once(_log.warn, why)
            response = _refusal(connection, 503, "Too many programs are running.\n")
            response.headers.addRawHeader("Retry-After", _RETRY_AFTER)
            return response
        if b"\0" in path_info(request, self._script_name):
            return _refusal(connection, 400, "The path has a NUL in it.\n")
        return None

    async def __call__(self, connection: Any) -> None:
        """Run a program for a connection, until both have ended; the server calls this."""
        if self._is_full():
            # Several requests were accepted at the same time.
            connection.close(CloseCode.TRY_AGAIN_LATER, "too many programs")
            return
        process = self._start(connection)
        if process is None:
            return
        reactor = self._reactor or driver_of(connection).factory.reactor
        messages = Chunks() if self._binary else Lines(self._max_size)
        session = _Session(connection, messages, self._sessions.discard)
        self._sessions.add(session)
        await session.run(reactor, process, self._command.name, self._times)

    def _is_full(self) -> bool:
        return self._max_programs is not None and self.running >= self._max_programs

    def _start(self, connection: Any) -> Process | None:
        request = request_variables(connection, self._script_name)
        try:
            process = self._command.start({**self._passed, **request, **self._given})
        except (OSError, ValueError) as exc:
            why = escaped(str(exc))
            _log.error("{name} can't be started: {why}", name=self._command.name, why=why)
            if isinstance(exc, OSError) and is_shortage(exc):
                connection.close(CloseCode.TRY_AGAIN_LATER, "the program can't be started now")
            else:
                connection.close(CloseCode.INTERNAL_ERROR, "the program can't be started")
            return None
        self._told = ""
        return process

    def _tell_once(self, tell: Callable[..., None], why: str) -> None:
        if self._told != why:
            self._told = why
            tell("connections to {name} are refused: {why}", name=self._command.name, why=why)


def _refusal(connection: Any, status: int, text: str) -> Response:
    response: Response = connection.respond(status, text)
    return response


class _Session:
    """A connection and its program.

    Args:
        connection: the connection.
        messages: makes messages of what the program prints.
        over: called with the session when the program has ended.
    """

    def __init__(
        self, connection: Any, messages: Lines | Chunks, over: Callable[[_Session], None]
    ) -> None:
        self._connection = connection
        self._send = connection.sendMessage
        self._messages = messages
        self._over = over
        self._status: Deferred[int] = Deferred()
        self._child: Child
        self._name = ""
        self._told_invalid = False

    async def run(self, reactor: Any, process: Process, name: str, times: Times) -> None:
        """Move messages both ways until the program has ended, and close the connection."""
        connection = self._connection
        self._name = name
        self._child = child = Child(
            reactor, process, name, times, self._receive, self._output_ended, self._ended
        )
        try:
            connection.registerProducer(child.outlet)
            # A peer that doesn't answer our close frame must not keep the program running.
            closing = driver_of(connection).need_ending().wait(Moment.CLOSING)
            closing.addCallbacks(lambda _: child.stop(), lambda _: None)
            feeding = started(self._feed()).addErrback(self._not_fed)
            try:
                status = await self._status
            finally:
                feeding.cancel()
                closing.cancel()
        finally:
            child.kill()
        self._close(status)

    async def _feed(self) -> None:
        child = self._child
        assert child.inlet is not None
        await feed(self._connection, lambda: child.inlet)
        child.inlet.finish()
        child.stop()

    def _not_fed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            log_failure(_log, "messages can't be given to a program", failure)
            self._child.kill()

    def _receive(self, data: bytes) -> None:
        messages = self._messages
        made = messages.receive(data)
        if len(made) == 1:
            self._send(made[0])
        else:
            send_together(self._connection, made)
        if messages.too_long:
            self._say(_log.error, "a line is longer than max_size allows, so it is stopped")
            self._child.stop()
        elif messages.invalid and not self._told_invalid:
            self._told_invalid = True
            self._say(_log.warn, "its output isn't UTF-8; U+FFFD is sent for wrong bytes")

    def _output_ended(self) -> None:
        send_together(self._connection, self._messages.rest())
        self._child.stop()

    def _ended(self, status: int) -> None:
        self._over(self)
        self._status.callback(status)

    def _close(self, status: int) -> None:
        connection, child = self._connection, self._child
        if child.inlet is not None and child.inlet.refused:
            self._say(_log.info, "it had closed its input, so messages to it were dropped")
        if driver_of(connection).phase is not OPEN:
            return
        connection.unregisterProducer()
        if self._messages.too_long:
            connection.close(CloseCode.INTERNAL_ERROR, "line too long")
        elif status:
            self._say(_log.info, how_it_ended(status))
            connection.close(CloseCode.INTERNAL_ERROR, how_it_ended(status))
        else:
            connection.close()

    def _say(self, tell: Callable[..., None], text: str) -> None:
        tell(
            "{name} [{pid}]: {text}",
            name=self._name,
            pid=self._child.pid,
            text=text,
        )
