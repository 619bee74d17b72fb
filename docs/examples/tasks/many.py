"""A server that waits as many seconds as a client says, for ten messages at once."""

from twisted.internet import reactor
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.logger import Logger

import txws2

log = Logger()


async def work(message):
    await deferLater(reactor, float(message))
    return f"that took {message} seconds"


@txws2.cancelled_on_close
async def reply(ws, message):
    await ws.send(await work(message))


def failed(failure, ws):
    if not failure.check(txws2.ConnectionClosed):
        log.failure("no reply", failure)
        ws.sendMessage("no reply")


async def busy(ws):
    slots = DeferredSemaphore(10)
    async for message in ws:
        await slots.acquire()
        reply(ws, message).addErrback(failed, ws).addBoth(lambda _: slots.release())


txws2.run(busy, "localhost", 8000)
