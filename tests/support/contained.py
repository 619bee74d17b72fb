"""Run a command, and end all processes that it leaves: `python -m tests.support.contained COMMAND`.

A test that is interrupted, or a worker that is killed, may leave servers and browsers. This process
adopts those (see PR_SET_CHILD_SUBREAPER in prctl(2)), also if they have a session of their own, and
ends them after the command. It passes SIGTERM and SIGHUP on as an interrupt. If make, its parent,
is killed, it ends in the same way, and so does the command if this process is killed.
"""

import ctypes
import os
import signal
import subprocess
import sys

__all__ = ["run"]

_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36
# The seconds that an interrupted command may take for its own end.
_GRACE = 10


def run(command):
    """Run a command; return its status once no process of it is left."""
    _prctl(_SET_CHILD_SUBREAPER, 1)
    _ends_with_parent(signal.SIGTERM)
    # The command begins with the default handling of what is handled here, also in the background.
    signal.signal(signal.SIGINT, lambda *_: signal.alarm(_GRACE))
    child = subprocess.Popen(command, preexec_fn=lambda: _ends_with_parent(signal.SIGINT))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: _interrupt(child.pid))
    signal.signal(signal.SIGALRM, lambda *_: _kill(child.pid))
    status = _wait_for(child.pid)
    signal.alarm(0)
    _end_all()
    return status


def _ends_with_parent(number):
    """Have this process get a signal when its parent is killed."""
    _prctl(_SET_PDEATHSIG, number)


def _prctl(option, value):
    # Only Linux has this call. Elsewhere, init adopts what is left.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _interrupt(pid):
    signal.alarm(_GRACE)
    os.kill(pid, signal.SIGINT)


def _kill(pid):
    os.kill(pid, signal.SIGKILL)


def _wait_for(pid):
    """Take the statuses of all children until this one has ended; return its status."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            # As a shell has it for a signal.
            return code if code >= 0 else 128 - code


def _end_all():
    """Kill the children; those of a killed one are children of this process then."""
    while children := _children():
        for pid in children:
            _kill(pid)
        for _ in children:
            os.wait()


def _children():
    """Return the processes that are children of this one."""
    found = os.listdir("/proc") if sys.platform == "linux" else []
    return [pid for pid in map(int, filter(str.isdigit, found)) if _is_child(pid)]


def _is_child(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            # The name of the program, in parentheses, may have any characters.
            return int(file.read().rpartition(")")[2].split()[1]) == os.getpid()
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
