"""A chat: a queue for each connection has what others say."""

from twisted.internet.defer import Deferred, DeferredQueue, gatherResults

import txws2

queues = set()


async def receive(ws):
    async for message in ws:
        for queue in queues:
            queue.put(message)


@txws2.cancelled_on_close
async def feed(ws, queue):
    while True:
        await ws.send(await queue.get())


async def handler(ws):
    queue = DeferredQueue()
    queues.add(queue)
    try:
        receiving = Deferred.fromCoroutine(receive(ws))
        await gatherResults([receiving, feed(ws, queue)], consumeErrors=True)
    finally:
        queues.remove(queue)


txws2.run(handler, "localhost", 8000)
