"""Coroutines of applications are tasks on asyncio's loop."""

import asyncio
from contextvars import ContextVar

from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks, succeed
from twisted.logger import eventAsText

import txws2
from tests.support.loops import LoopTestCase
from tests.support.sides import URI
from txws2 import ConcurrencyError, ConnectionClosedOK, WebSocketServerProtocol
from txws2._deferreds.callables import result_of, to_await
from txws2._deferreds.tasks import loop_runs, running_loop, started
from txws2.server.shutdown import Stopping
from txws2.testing import MemoryReactor, ScriptedServer

variable = ContextVar("variable", default="none")


class StartedTests(LoopTestCase):
    """A coroutine, and its Deferred."""

    def test_it_may_await_asyncios_futures_and_twisteds_deferreds(self):
        async def mixed():
            await asyncio.sleep(0.001)
            later = Deferred()
            self.loop.call_later(0.001, later.callback, "a")
            first = await later
            async with asyncio.timeout(1):
                second = await succeed("b")
            return first + second + await asyncio.to_thread(str, "c")

        async def main():
            return await started(mixed())

        self.assertEqual(self.run_on_loop(main()), "abc")

    def test_a_failure_in_it_is_raised_in_it(self):
        async def catching():
            later = Deferred()
            self.loop.call_soon(later.errback, KeyError("a"))
            try:
                await later
            except KeyError as exc:
                return exc.args

        async def main():
            return await started(catching())

        self.assertEqual(self.run_on_loop(main()), ("a",))

    def test_on_no_loop_nothing_of_asyncio_is_asked(self):
        self.assertIsNone(running_loop())

        async def one():
            return 1

        self.assertEqual(self.successResultOf(started(one())), 1)

    def test_any_exception_of_it_is_that_of_the_deferred(self):
        async def main():
            for exception in (KeyError(), CancelledError()):

                async def fail(exception=exception):
                    await asyncio.sleep(0)
                    raise exception

                with self.assertRaises(type(exception)):
                    await started(fail())

        self.run_on_loop(main())

    def test_a_system_exit_ends_no_loop(self):
        async def leave():
            raise SystemExit(3)

        async def main():
            leaving = started(leave())
            await self.turns()
            return leaving

        self.failureResultOf(self.run_on_loop(main()), SystemExit)

    def test_cancelling_the_deferred_cancels_the_task_and_is_seen_as_twisteds(self):
        seen = []

        async def wait(what):
            try:
                await what
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                seen.append(what)
                raise

        async def main():
            others = [Deferred(), self.loop.create_future()]
            waiting = [started(wait(each)) for each in others]
            await self.turns()
            for each in waiting:
                each.cancel()
            await self.turns()
            self.assertEqual(seen, others)
            return waiting

        for each in self.run_on_loop(main()):
            self.failureResultOf(each, CancelledError)

    def test_a_coroutine_cancelled_before_it_has_begun_never_begins(self):
        async def never():
            self.fail("it has begun")

        async def main():
            waiting = started(never())
            waiting.cancel()
            await self.turns()
            return waiting

        self.failureResultOf(self.run_on_loop(main()), CancelledError)

    def test_it_has_a_context_of_its_own(self):
        async def change():
            variable.set(variable.get() + "!")
            later = Deferred()
            self.loop.call_soon(later.callback, None)
            await later
            return variable.get()

        async def main():
            variable.set("a")
            return await started(change()), variable.get()

        self.assertEqual(self.run_on_loop(main()), ("a!", "a"))

    def test_hooks_may_return_a_future(self):
        async def main():
            futures = [asyncio.ensure_future(asyncio.sleep(0, "a")) for _ in range(2)]
            return [await to_await(futures[0]), await result_of(futures[1])]

        self.assertEqual(self.run_on_loop(main()), ["a", "a"])

    def test_a_reactor_in_memory_has_nothing_to_wait_for(self):
        self.assertIsNone(self.successResultOf(loop_runs(MemoryReactor())))


class HandlerTests(LoopTestCase):
    """A server's handler uses its connection."""

    def talk(self, handler, talk, **options):
        """Run a handler, and a function that gets both ends; return the function's result."""

        async def main():
            both = self.join(handler=handler, **options)
            await self.turns()
            result = await talk(both)
            both.client.close()
            await self.from_reactor(both.pump)
            await self.turns()
            return result

        return self.run_on_loop(main())

    async def send(self, both, *messages):
        for message in messages:
            both.client.sendMessage(message)
        await self.from_reactor(both.pump)
        await self.turns()
        await self.from_reactor(both.pump)

    def test_it_receives_in_itself_and_in_tasks_of_its_own(self):
        got = []

        async def handler(ws):
            got.append(await ws.recv())
            got.append(await asyncio.wait_for(ws.recv(), 1))
            got.extend(await asyncio.gather(ws.recv(), asyncio.sleep(0, "nap")))
            await asyncio.create_task(self.pumping(ws, got))

        async def talk(both):
            for message in "abcde":
                await self.send(both, message)

        self.talk(handler, talk)
        self.assertEqual(got, ["a", "b", "c", "nap", "d", "e"])

    async def pumping(self, ws, got):
        async for message in ws:
            got.append(message)

    def test_the_pieces_of_a_message_are_received_in_a_task(self):
        got = []

        async def handler(ws):
            async def receive():
                async for piece in ws.recv_streaming():
                    got.append(piece)

            await asyncio.create_task(receive())

        async def talk(both):
            await self.send(both, "abc")

        self.talk(handler, talk)
        self.assertEqual("".join(got), "abc")

    def test_a_reader_that_times_out_gets_the_message_next_time(self):
        got = []

        async def handler(ws):
            while len(got) < 50:
                try:
                    timeout = None if len(got) % 3 else 10
                    got.append(await asyncio.wait_for(ws.recv(timeout=timeout), 0))
                except TimeoutError:
                    try:
                        async with asyncio.timeout(0.0001):
                            got.append(await ws.recv())
                    except TimeoutError:
                        pass

        async def talk(both):
            for number in range(50):
                await self.send(both, str(number))
                await asyncio.sleep(0.0002 * (number % 2))
            await asyncio.sleep(0.01)

        self.talk(handler, talk)
        self.assertEqual(got, [str(number) for number in range(50)])

    def test_a_message_that_comes_just_before_a_cancel_is_given_back(self):
        takes = {
            "recv": lambda ws: ws.recv(),
            "bytes": lambda ws: ws.recv(decode=False),
            "loop": lambda ws: ws.__aiter__().__anext__(),
            "pieces": lambda ws: ws.recv_streaming().__anext__(),
            "parsed": lambda ws: ws.recv().addCallback(len),
        }
        for name, take in takes.items():

            async def talk(both, take=take):
                receiving = asyncio.create_task(_value_of(take(both.server)))
                await self.turns()
                both.client.sendMessage("a")
                both.client.sendMessage("b")
                # This runs in a task, so that another task isn't woken at once.
                both.pump()
                receiving.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await receiving
                return [await both.server.recv(), await both.server.recv()]

            self.assertEqual(self.talk(None, talk), ["a", "b"], name)

    def test_a_message_that_is_given_back_goes_to_who_waits(self):
        async def talk(both):
            first = asyncio.ensure_future(both.server.recv())
            await self.turns()
            both.client.sendMessage("a")
            both.pump()
            second = both.server.recv()
            first.cancel()
            return await second

        self.assertEqual(self.talk(None, talk), "a")

    def test_a_piece_that_is_given_back_stays_with_its_stream(self):
        async def talk(both):
            pieces = both.server.recv_streaming()
            fragments = asyncio.Queue()

            async def parts():
                while (part := await fragments.get()) is not None:
                    yield part

            sending = both.client.send(parts())
            got = []
            for part in ("a", "b"):
                receiving = asyncio.ensure_future(pieces.__anext__())
                await self.turns()
                fragments.put_nowait(part)
                await self.turns()
                both.pump()
                if part == "a":
                    got.append(await receiving)
                else:
                    receiving.cancel()
                    await asyncio.wait([receiving])
            fragments.put_nowait(None)
            await sending
            both.pump()
            got.extend([piece async for piece in pieces])
            return got

        self.assertEqual(self.talk(None, talk), ["a", "b"])

    def test_two_readers_at_once_get_an_error(self):
        async def handler(ws):
            first = asyncio.ensure_future(ws.recv())
            await asyncio.sleep(0)
            with self.assertRaises(ConcurrencyError):
                await ws.recv()
            self.assertEqual(await first, "a")
            await ws.send("done")

        async def talk(both):
            await self.send(both, "a")
            return await both.client.recv()

        self.assertEqual(self.talk(handler, talk), "done")

    def test_handlers_in_twisteds_style_work_as_ever(self):
        got = []

        @inlineCallbacks
        def generator(ws):
            got.append((yield ws.recv()))

        async def coroutine(ws):
            got.append(await Deferred.fromCoroutine(_value_of(ws.recv())))

        async def talk(both):
            await self.send(both, "a")

        for handler in (generator, coroutine):
            self.talk(handler, talk)
        self.assertEqual(got, ["a", "a"])

    def test_the_error_for_a_test_that_only_pumps_says_that_tasks_need_the_loop(self):
        async def handler(ws):
            await ws.send("a")

        async def main():
            both = self.join(handler=handler)
            with self.assertRaises(AssertionError) as caught:
                both.result_of(both.client.recv())
            self.assertIn("coroutines are tasks", str(caught.exception))
            both.client.transport.abortConnection()
            both.pump()
            await self.turns()

        self.run_on_loop(main())

    def test_the_end_of_the_connection_ends_it_without_a_word(self):
        ends = []

        async def handler(ws):
            try:
                await ws.recv()
            except ConnectionClosedOK as exc:
                ends.append(exc)
                raise

        async def talk(both):
            pass

        self.talk(handler, talk)
        self.assertEqual(len(ends), 1)

    def test_an_exception_of_it_is_logged_and_closes_with_1011(self):
        async def handler(ws):
            await asyncio.sleep(0)
            raise KeyError("boom")

        async def talk(both):
            await self.turns()
            await self.from_reactor(both.pump)
            return both.client.close_code

        self.assertEqual(self.talk(handler, talk), 1011)
        self.assertRegex(eventAsText(self.take_loud()[0]), r"handler failed\n(.*\n)*.*KeyError")


class HookTests(LoopTestCase):
    """Coroutines other than handlers."""

    def test_messages_of_push_style_are_received_one_after_the_other(self):
        got, done = [], None

        class Slow(WebSocketServerProtocol):
            async def connectionOpened(self):
                await asyncio.sleep(0.001)
                got.append("opened")

            async def messageReceived(self, message):
                got.append(message)
                await asyncio.sleep(0.002 if message == "a" else 0)
                got.append(message)

            async def connectionLost(self, reason):
                await asyncio.sleep(0)
                got.append("lost")
                done.set_result(None)

        async def main():
            nonlocal done
            done = asyncio.get_running_loop().create_future()
            both = self.join(Slow)
            for message in "abc":
                both.client.sendMessage(message)
            await self.from_reactor(both.pump)
            both.client.close()
            await self.from_reactor(both.pump)
            await done

        self.run_on_loop(main())
        self.assertEqual(got, ["opened", *"aabbcc", "lost"])

    def test_each_hook_that_decides_on_a_request_may_take_its_time(self):
        asked = []

        async def nap(name):
            await asyncio.sleep(0)
            asked.append(name)

        async def check(name, password):
            await nap("check")
            return True

        async def own(connection, request):
            await nap("own")

        async def choose(connection, offered):
            await nap("choose")

        async def respond(connection, request, response):
            await nap("respond")

        async def handler(ws):
            await ws.send("a")

        async def main():
            guarded = txws2.guarded(handler, own)
            server = ScriptedServer(
                txws2.route({"/chat": guarded}),
                process_request=txws2.basic_auth("realm", check_credentials=check),
                select_subprotocol=choose,
                process_response=respond,
            )
            uri = URI.replace("//", "//ann:secret@")
            connecting = txws2.connect(uri, reactor=server.reactor)
            for _ in range(10):
                await self.from_reactor(server.pump)
                await self.turns()
            ws = await connecting
            self.assertEqual(await ws.recv(), "a")
            await self.from_reactor(server.pump)

        self.run_on_loop(main())
        self.assertEqual(asked, ["check", "own", "choose", "respond"])

    def test_each_hook_of_a_client_may_take_its_time(self):
        got = []

        async def handler(ws):
            await ws.send("a")
            await ws.wait_closed()

        async def uri():
            await asyncio.sleep(0)
            return URI

        async def on_connect(ws):
            async with asyncio.timeout(1):
                got.append("connected")
                await asyncio.sleep(0)

        async def on_message(message):
            await asyncio.sleep(0)
            got.append(message)

        async def main():
            server = ScriptedServer(handler)
            service = txws2.WebSocketClientService(
                uri, on_message, on_connect=on_connect, reactor=server.reactor
            )
            service.startService()
            for _ in range(10):
                await self.from_reactor(server.pump)
                await self.turns()
            stopping = service.stopService()
            for _ in range(10):
                await self.from_reactor(server.pump)
                await self.turns()
            await stopping

        self.run_on_loop(main())
        self.assertEqual(got, ["connected", "a"])

    def test_the_parts_of_a_message_may_be_made_with_asyncio(self):
        async def parts():
            for part in "ab":
                await asyncio.sleep(0)
                yield part

        async def main():
            both = self.join()
            await both.client.send(parts())
            await self.from_reactor(both.pump)
            return await both.server.recv()

        self.assertEqual(self.run_on_loop(main()), "ab")


class OpeningTests(LoopTestCase):
    """A connection that is opened in a task."""

    def test_one_that_is_there_just_before_a_cancel_is_closed(self):
        async def main():
            server = ScriptedServer()
            connecting = asyncio.ensure_future(txws2.connect(URI, reactor=server.reactor))
            await self.turns()
            # This runs in a task, so that another task isn't woken at once.
            server.pump()
            connecting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await connecting
            server.pump()
            self.assertEqual(server.connection.server.close_code, 1000)

        self.run_on_loop(main())

    def test_a_task_may_connect_again_and_again(self):
        opened = []

        async def connect(reactor):
            async for ws in txws2.connect(URI, reactor=reactor):
                opened.append(ws)
                await ws.wait_closed()
                if len(opened) == 2:
                    break

        async def main():
            server = ScriptedServer()
            connecting = asyncio.create_task(connect(server.reactor))
            while not connecting.done():
                await self.from_reactor(server.advance, 10)
                await self.turns()
                if opened and opened[-1].close_code is None:
                    await self.from_reactor(server.connection.server.close, 1001)
            await connecting

        self.run_on_loop(main())
        self.assertEqual(len(opened), 2)


class StoppedTests(LoopTestCase):
    """A server that stops deals with tasks that aren't done."""

    def test_they_are_cancelled_and_have_a_moment_to_clean_up(self):
        cleaned = []

        async def clean_up(what):
            try:
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(0)
                cleaned.append(what)

        async def handler(ws):
            await clean_up("handler")

        class Pushing(WebSocketServerProtocol):
            async def messageReceived(self, message):
                await clean_up(message)

        async def main():
            both = self.join(Pushing, handler=handler)
            both.client.sendMessage("message")
            await self.from_reactor(both.pump)
            await self.turns()
            stopped = self.stop(both)
            await self.from_reactor(self.clock.advance, 10)
            self.assertEqual((cleaned, stopped.called), ([], False))
            await stopped
            self.assertEqual(sorted(cleaned), ["handler", "message"])

        self.run_on_loop(main())

    def stop(self, both):
        """Stop the server; return its Deferred."""
        stopping = Stopping(both.server.factory)
        stopping.end()
        return stopping.wait()

    def test_one_that_goes_on_is_left_to_itself(self):
        async def handler(ws):
            try:
                await asyncio.sleep(1000)
            finally:
                await over

        over = Deferred()

        async def main():
            both = self.join(handler=handler)
            await self.turns()
            stopped = self.stop(both)
            await self.from_reactor(self.clock.advance, 10)
            await self.turns()
            self.assertFalse(stopped.called)
            await self.from_reactor(self.clock.advance, 1)
            await stopped
            over.callback(None)
            await self.turns()

        self.run_on_loop(main())


async def _value_of(awaitable):
    return await awaitable
