"""Asks, and waits for the answer with the number of the question."""

import json
from itertools import count

from twisted.internet.defer import Deferred

import txws2

numbers, waiting = count(), {}


async def ask(ws, question):
    number = next(numbers)
    waiting[number] = Deferred()
    await ws.send(json.dumps({"id": number, "question": question}))
    return await waiting[number]


async def listen(ws):
    async for message in ws:
        answer = json.loads(message)
        waiting.pop(answer["id"]).callback(answer)


async def main(reactor):
    async with txws2.connect("ws://localhost:8000/") as ws:
        Deferred.fromCoroutine(listen(ws))
        print(await ask(ws, "why?"))


txws2.run(main)
