"""`python -m tests.chaos.mortal`: a server to be killed, in a process of its own."""

import argparse
import importlib.util
import os
import signal
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from txws2 import serve

_EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "acknowledged.py"
_spec = importlib.util.spec_from_file_location("acknowledged", _EXAMPLE)
acknowledged = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(acknowledged)


def read_ledger(path):
    """Return the messages of a file, by their numbers, and the number of its lines."""
    lines = path.read_text().splitlines() if path.exists() else []
    entries = [line.partition(" ") for line in lines]
    return {int(number): message for number, _, message in entries}, len(lines)


class Ledger(dict):
    """The handled messages; each is in a file before the client gets its acknowledgement.

    Args:
        path: the file; the messages in it were handled by an earlier process.
        deadly: the numbers of messages after which this process dies, before it acknowledges them.
    """

    def __init__(self, path, deadly):
        super().__init__(read_ledger(path)[0])
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._deadly = deadly

    def setdefault(self, number, message):
        if number not in self:
            os.write(self._file, f"{number} {message}\n".encode())
            self[number] = message
            if number in self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)
        return self[number]


async def run(reactor, options):
    receivers = {}

    async def handler(ws):
        # The path of the request is the name of the file.
        name = ws.request.path.strip("/")
        if name not in receivers:
            receivers[name] = acknowledged.Receiver()
            receivers[name].handled = Ledger(options.directory / name, options.deadly)
        await receivers[name].handler(ws)

    where = f"{options.port}:interface=127.0.0.1"
    endpoint = f"tcp:{where}"
    if options.certificate is not None:
        # The file has the certificate and its key.
        endpoint = f"ssl:{where}:privateKey={options.certificate}:certKey={options.certificate}"
    timeouts = {"ping_interval": 0.2, "ping_timeout": 0.2, "close_timeout": 0.2}
    server = await serve(handler, endpoint=endpoint, **timeouts)
    print(server.addresses[0].port, flush=True)
    await Deferred()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("directory", type=Path)
    parser.add_argument("deadly", type=int, nargs="*")
    parser.add_argument("--certificate", help="speak TLS")
    options = parser.parse_args()
    react(lambda reactor: Deferred.fromCoroutine(run(reactor, options)))


if __name__ == "__main__":
    main()
