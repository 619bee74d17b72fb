"""Asks tokens.py, and prints the answer: python tokens_client.py "Why?" """

import json
import sys
from secrets import token_hex

from txws2 import ConnectionClosed, connect, run

GONE = 4410


async def ask(uri, prompt):
    """Generate the tokens of an answer, each once, on as many connections as it takes."""
    key, have = token_hex(16), 0
    async for ws in connect(uri):
        try:
            await ws.send(json.dumps({"key": key, "have": have, "prompt": prompt}))
            async for message in ws:
                answer = json.loads(message)
                if "end" in answer:
                    return
                have += 1
                yield answer["token"]
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code == GONE:
                raise


async def main(reactor, prompt, uri="ws://localhost:8000/answers"):
    async for token in ask(uri, prompt):
        print(token, end="", flush=True)
    print()


if __name__ == "__main__":
    run(lambda reactor: main(reactor, *sys.argv[1:]))
