"""JSON-RPC 2.0, in both directions of a connection."""

import json
from inspect import signature
from itertools import count

from twisted.internet.defer import CancelledError, Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger

from txws2 import ConnectionClosed, cancelled_on_close

AT_ONCE = 100  # calls of one peer that may be open
log = Logger()


class RPCError(Exception):
    """An answer that is an error. Methods raise it for the caller, and `Peer.call` raises it."""

    def __init__(self, code, message):
        super().__init__(f"{message} ({code})")
        self.fields = {"code": code, "message": message}

    def answer(self, number=None):
        return {"jsonrpc": "2.0", "error": self.fields, "id": number}


class Peer:
    """One end of a connection: it calls the methods of the other end, and has methods itself.

    Args:
        ws: the connection; a server's and a client's are the same here.
        methods: functions, or coroutine functions, by name.
    """

    def __init__(self, ws, methods=()):
        self.ws, self.methods = ws, dict(methods)
        self.numbers, self.calls, self.working = count(1), {}, 0

    async def call(self, method, *params, timeout=10):
        """Return the result; raise RPCError, TimeoutError, or ConnectionClosed."""
        number = next(self.numbers)
        answer = self.calls[number] = Deferred()
        answer.addTimeout(timeout, self.ws.factory.reactor, expired)
        try:
            await self.notify(method, *params, id=number)
            return await answer
        finally:
            self.calls.pop(number, None)
            answer.addErrback(lambda _: None)  # nobody waits for it if it couldn't be sent

    async def notify(self, method, *params, **number):
        """Call a method, without an answer."""
        request = {"jsonrpc": "2.0", "method": method, "params": params, **number}
        await self.ws.send(json.dumps(request))

    async def run(self):
        """Read until the connection is closed. Each call is answered when it is ready."""
        try:
            while True:
                self.receive(self.ws, await self.ws.recv())
        except ConnectionClosed as closed:
            for answer in list(self.calls.values()):
                answer.errback(closed)

    @cancelled_on_close
    async def receive(self, ws, text):
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            reply = RPCError(-32700, "parse error").answer()
        else:
            if isinstance(message, list) and message:
                replies = await gatherResults([maybeDeferred(self.take, one) for one in message])
                reply = [each for each in replies if each]
            else:
                reply = await self.take(message)
        if reply:
            await ws.send(json.dumps(reply))

    async def take(self, message):
        """Take one message; return the answer, if it gets one."""
        match message:
            case {"jsonrpc": "2.0", "method": str(method)}:
                number = message.get("id")
                try:
                    result = await self.work(method, message.get("params", []))
                    answer = {"jsonrpc": "2.0", "result": result, "id": number}
                except RPCError as error:
                    answer = error.answer(number)
                return answer if "id" in message else None
            case {"id": int(n), "result": result} if n in self.calls:
                self.calls.pop(n).callback(result)
            case {"id": int(n), "error": {"code": code, "message": why}} if n in self.calls:
                self.calls.pop(n).errback(RPCError(code, why))
            case {"result": _} | {"error": _}:
                pass  # it came too late; if answers were answered, two peers would never end
            case _:
                return RPCError(-32600, "invalid request").answer()
        return None

    async def work(self, method, params):
        function = self.methods.get(method)
        if function is None:
            raise RPCError(-32601, "method not found")
        args, kwargs = ([], params) if isinstance(params, dict) else (params, {})
        try:
            signature(function).bind(*args, **kwargs)
        except TypeError:
            raise RPCError(-32602, "invalid params") from None
        if self.working == AT_ONCE:
            raise RPCError(-32000, "too many calls at once")
        self.working += 1
        try:
            result = await maybeDeferred(function, *args, **kwargs)
            json.dumps(result)  # whatever isn't JSON is an error, too
            return result
        except (RPCError, CancelledError):
            raise
        except Exception:
            # The log has the details, which aren't for the caller.
            log.failure("{method} has failed", method=method)
            raise RPCError(-32603, "internal error") from None
        finally:
            self.working -= 1


def expired(_, seconds):
    raise TimeoutError(f"no answer within {seconds} s")
