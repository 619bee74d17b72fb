"""websocketd, which runs programs behind WebSockets, too."""

import shutil
import socket

from twisted.trial.unittest import SkipTest

from tests.interop.peer_process import ProcessLines, start

__all__ = ["start_websocketd"]


def start_websocketd(test, *arguments):
    """Start websocketd at a free port; return the URI of its server, which listens soon."""
    program = shutil.which("websocketd")
    if program is None:
        raise SkipTest("websocketd is not installed; Debian: websocketd")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start(test, ProcessLines(), program, "--address=127.0.0.1", f"--port={port}", *arguments)
    return f"ws://127.0.0.1:{port}"
