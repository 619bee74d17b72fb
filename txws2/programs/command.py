"""`Command`: the arguments of a program, its folder, and the start of its processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from errno import EAGAIN, EMFILE, ENFILE, ENOMEM

from txws2._checks.kinds import shown

__all__ = ["Command", "Environment", "Process", "is_shortage"]

Environment = Mapping[bytes, bytes]
"""Variables of the environment by name."""

Process = subprocess.Popen[bytes]
"""A process with three pipes."""


class Command:
    """A program with its arguments.

    Args:
        arguments: the program, and its arguments. A program without a slash is looked up in PATH.
        directory: the folder that its processes work in; None for our own.

    Raises:
        TypeError: the arguments aren't a sequence of str.
        ValueError: there is no such program, or it may not be run; or there is no such folder.
    """

    def __init__(self, arguments: Sequence[str], directory: str | None) -> None:
        if isinstance(arguments, (str, bytes)) or not isinstance(arguments, Sequence):
            raise TypeError(
                "arguments must be a sequence of str, as ['tail', '-F', 'log'] (shlex.split makes "
                f"one of a line); it is {shown(arguments)}"
            )
        if not arguments or not all(
            isinstance(each, str) and "\0" not in each for each in arguments
        ):
            raise TypeError(
                "arguments must be the program and its arguments, each a str without NUL; it is "
                f"{shown(arguments)}"
            )
        if directory is not None and not os.path.isdir(directory):
            raise ValueError(f"there is no folder {directory!r}")
        self.arguments = list(arguments)
        self.directory = directory
        self.name = os.path.basename(arguments[0])
        self.path = self._find()
        problem = self.problem()
        if problem is not None:
            raise ValueError(problem)

    def problem(self) -> str | None:
        """Say why the program can't be started now, as far as that shows; None if it can."""
        path = self.path
        if not os.path.exists(path):
            where = "" if os.sep in self.arguments[0] else " in PATH"
            return f"there is no program {self.arguments[0]!r}{where}"
        if os.path.isdir(path) or not os.access(path, os.X_OK):
            return f"{path!r} isn't executable"
        return None

    def start(self, environment: Environment, *, stdin: bool = True) -> Process:
        """Start a process in a session of its own, so that its children can be signalled, too.

        Args:
            environment: its whole environment.
            stdin: False for a process that reads nothing.

        Raises:
            OSError: it can't be started.
        """
        # Twisted's spawnProcess looks at each open descriptor in Python: with 2000 connections,
        # that takes twenty times as long. It can't make a session either.
        return subprocess.Popen(
            self.arguments,
            bufsize=0,
            executable=self.path,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.directory,
            env=environment,
            start_new_session=True,
        )

    def _find(self) -> str:
        name = self.arguments[0]
        if os.sep in name:
            # The name is meant relative to our own folder, whatever the folder of the process.
            return os.path.abspath(name)
        return shutil.which(name) or name


def is_shortage(error: OSError) -> bool:
    """Tell whether a process couldn't be started for want of processes, descriptors or memory."""
    return error.errno in (EAGAIN, ENOMEM, EMFILE, ENFILE)
