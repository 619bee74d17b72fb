"""A client made with txws2, in the style push, recv or iter; see stopwatch.py."""

from stopwatch import Push, Stopwatch, deflate, options, pull, text, uri
from twisted.internet.defer import Deferred
from twisted.internet.task import react

import txws2

settings = {"compression": "deflate" if deflate else None, "max_size": None}


class Receiver(txws2.WebSocketClientProtocol):
    def connectionOpened(self):
        self.push = Push()
        if self.push.asks:
            self.sendMessage(text)

    def messageReceived(self, message):
        push = self.push
        if push.asks:
            self.sendMessage(text)
        push.count()


async def push():
    await txws2.connect(uri, create_protocol=Receiver, **settings)
    await Deferred()


async def recv():
    ws = await txws2.connect(uri, **settings)
    await pull(ws.send, ws.recv)


async def iterate():
    ws = await txws2.connect(uri, **settings)
    watch = Stopwatch()
    left = watch.lap()
    async for _ in ws:
        left -= 1
        if not left:
            left = watch.lap()


STYLES = {"push": push, "recv": recv, "iter": iterate}


async def main(reactor):
    await STYLES[options[-1]]()


react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
