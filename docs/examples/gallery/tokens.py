"""A language model's answer that survives breaks.

python tokens.py, then http://localhost:8000/
"""

import json
import re
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.static import File

from txws2 import SAME_ORIGIN, CloseCode, WebSocketResource, cancelled_on_close, run

PAGE = str(Path(__file__).with_suffix(".html"))
GONE = 4410  # tells the page that an answer isn't there any more
KEPT, MOST = 600, 1000  # seconds for which an answer is kept, and answers that are kept
log = Logger()


class Answer:
    """The tokens of one answer. It grows whether somebody reads it or not."""

    def __init__(self):
        self.tokens, self.end, self.readers = [], None, []

    async def grow(self, tokens):
        try:
            async for token in tokens:
                self.tokens.append(token)
                self.wake()
            self.end = "complete"
        except Exception:
            log.failure("the model has failed")
            self.end = "failed"
        self.wake()

    def wake(self):
        waking, self.readers = self.readers, []
        for reader in waking:
            reader.callback(None)

    async def read(self, have):
        """Generate all tokens but the first ones, as soon as they are there."""
        while True:
            while have < len(self.tokens):
                yield self.tokens[have]
                have += 1
            if self.end:
                return
            more = Deferred()
            self.readers.append(more)
            await more


class Answers:
    """Answers prompts; a client whose connection breaks asks for the rest of its answer."""

    def __init__(self, model):
        self.model, self.answers = model, {}

    # A reader waits for tokens, so it wouldn't notice the end of its connection otherwise.
    @cancelled_on_close
    async def handler(self, ws):
        try:
            key, have, prompt = wanted(await ws.recv(timeout=60))
        except (ValueError, TimeoutError):
            await ws.close(CloseCode.POLICY_VIOLATION, "expected a key and a prompt")
            return
        if key not in self.answers:
            if have:
                await ws.close(GONE, "this answer is gone; ask again")
                return
            if len(self.answers) == MOST:
                await ws.close(CloseCode.TRY_AGAIN_LATER)
                return
            self.begin(key, prompt, ws.factory.reactor)
        answer = self.answers[key]
        async for token in answer.read(have):
            await ws.send(json.dumps({"token": token}))
        await ws.send(json.dumps({"end": answer.end}))

    def begin(self, key, prompt, reactor):
        answer = self.answers[key] = Answer()
        Deferred.fromCoroutine(answer.grow(self.model(prompt, reactor)))
        reactor.callLater(KEPT, self.answers.pop, key)


def wanted(message):
    """Return the key of an answer, the number of tokens that are there already, and the prompt."""
    try:
        match json.loads(message):
            case {"key": str(key), "have": int(have), "prompt": str(prompt)}:
                # Nobody can guess a key, so nobody reads the answers of others.
                if re.fullmatch("[0-9a-f]{32}", key) and have >= 0:
                    return key, have, prompt
    except RecursionError:
        pass
    raise ValueError("no key and prompt")


async def model(prompt, reactor):
    """Generate the tokens of an answer; put your model in this place."""
    text = f"You have asked: {prompt} " + "Tokens come one by one, and none comes twice. " * 12
    for token in re.findall(r"\S+\s*", text):
        await deferLater(reactor, 0.1)
        yield token


def site(answers):
    root = Resource()
    root.putChild(b"", File(PAGE))
    # Its own page may ask, and so may programs; pages of other sites may not.
    origins = [SAME_ORIGIN, None]
    root.putChild(b"answers", WebSocketResource(answers.handler, origins=origins))
    return root


if __name__ == "__main__":
    run(site(Answers(model)), "localhost", 8000)
