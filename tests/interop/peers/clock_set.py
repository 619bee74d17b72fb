"""A server and two clients in one process whose clock is set; prints "alive" and "gone" in the end.

Arguments: the reactor, and the seconds by which the clock is set.
"""

import os
import sys
import time
from importlib import import_module

from twisted.python import runtime

offset = 0.0

# All code that uses the system's clock gets the time from here.
runtime.seconds = lambda: time.time() + offset
import_module(f"twisted.internet.{sys.argv[1]}reactor").install()

from twisted.internet import reactor  # noqa: E402
from twisted.internet.defer import ensureDeferred  # noqa: E402
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol  # noqa: E402
from twisted.internet.protocol import Protocol  # noqa: E402

import txws2  # noqa: E402
from tests.support.sides import REQUEST  # noqa: E402
from txws2._time import clock_settings as clocksettings  # noqa: E402

# This pipe stands for the system's timer: it is readable once the clock was set.
told, telling = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
clocksettings._create = lambda: told
clocksettings._arm = lambda fd: None


class Gone(Protocol):
    """Opens a connection and never answers a ping."""

    def connectionMade(self):
        self.transport.write(REQUEST)


async def main():
    global offset
    closed = []

    async def handler(ws):
        if ws.request.path == "/chat":
            await ws.wait_closed()
            closed.append(ws.close_code)
        else:
            async for message in ws:
                await ws.send(message)

    options = {"ping_interval": 0.2, "ping_timeout": 0.4}
    server = await txws2.serve(handler, "127.0.0.1", 0, **options)
    port = server.addresses[0].port
    async with txws2.connect(f"ws://127.0.0.1:{port}/", **options) as ws:
        await connectProtocol(HostnameEndpoint(reactor, "127.0.0.1", port), Gone())
        await ws.send("opened")
        await ws.recv()
        offset += float(sys.argv[2])
        # The reactor first serves its timers, as a busy reactor would, and is told
        # afterwards.
        reactor.callFromThread(os.write, telling, bytes(8))
        for _ in range(1000):
            # When a connection is closed, the same time has passed for the others.
            await ws.ping()
            if closed:
                break
            await wait(0.01)
        await ws.send("alive")
        print(await ws.recv())
        print("gone" if closed else "still there", flush=True)
    server.close()
    await server.wait_closed()


def wait(seconds):
    from twisted.internet.task import deferLater

    from txws2._time.steady import steady

    return deferLater(steady(reactor), seconds)


ensureDeferred(main()).addErrback(lambda failure: failure.printTraceback(sys.stderr)).addBoth(
    lambda _: reactor.callFromThread(reactor.stop)
)
reactor.run()
