"""`serve` on real sockets, and its end; test_contract_serving.py has row 18."""

import gc
from os.path import join
from socket import AF_INET, AF_INET6, socket
from unittest import SkipTest
from weakref import ref

from twisted.internet import defer, reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from tests.support.sides import REQUEST, Peer
from txws2.client.connections import connect
from txws2.exceptions import ProtocolError
from txws2.server.factory import WebSocketServerProtocol
from txws2.server.server import Server, serve, server_endpoint
from txws2.streams.endpoints import WebSocketServerEndpoint


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def has_ipv6():
    with socket(AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


class KeptTests(SynchronousTestCase):
    """A program waits for the end of a server, though nothing else refers to either."""

    def setUp(self):
        self.reactor = MemoryReactorClock()
        self.ended = []

    def start(self, end):
        """Start a program that waits for the end of its server, and drop all references."""

        async def main():
            async with serve(echo, endpoint=self.endpoint(), reactor=self.reactor) as server:
                self.server = ref(server)
                try:
                    await end(server)
                finally:
                    self.ended.append(end)

        ensureDeferred(main())
        gc.collect()

    def endpoint(self):
        return TCP4ServerEndpoint(self.reactor, 8000)

    def test_the_garbage_collector_ends_no_program(self):
        for end in Server.serve_forever, Server.wait_closed:
            self.start(end)
            self.assertEqual(self.ended, [])
            self.server().close()
            self.reactor.advance(0)
            self.assertEqual(self.ended.pop(), end)

    def test_a_server_that_is_closed_is_kept_no_longer(self):
        self.start(Server.serve_forever)
        self.server().close()
        self.reactor.advance(0)
        gc.collect()
        self.assertIsNone(self.server())


class ArgumentTests(SynchronousTestCase):
    def test_the_place_to_listen_is_given_in_one_way(self):
        for arguments, options in (
            ((None,), {}),
            ((None, "localhost"), {}),
            ((None, "localhost", 0), {"endpoint": "tcp:0"}),
            ((None, "localhost"), {"endpoint": "tcp:0"}),
        ):
            error = self.assertRaises(TypeError, serve, *arguments, **options)
            self.assertIn("a host and a port or endpoint=", str(error))

    def test_a_description_that_is_none_is_an_error(self):
        self.failureResultOf(serve(None, endpoint="nonsense:0"), ValueError)

    def test_an_option_out_of_range_is_an_error(self):
        self.failureResultOf(serve(None, port=0, max_queue=0), ValueError)

    def test_a_mistake_is_raised_where_the_server_is_awaited(self):
        async def run():
            async with serve(None, port=0, max_queue=0):
                self.fail("it serves")

        self.failureResultOf(Deferred.fromCoroutine(run()), ValueError)

    def test_a_file_that_is_not_there_fails_the_deferred(self):
        serving = serve(None, endpoint="ssl:0:privateKey=/nowhere.pem")
        self.failureResultOf(serving, OSError)

    def test_an_endpoint_that_raises_fails_the_deferred(self):
        @implementer(IStreamServerEndpoint)
        class Broken:
            def listen(self, factory):
                raise KeyError

        self.failureResultOf(serve(None, endpoint=Broken()), KeyError)
        endpoint = WebSocketServerEndpoint(Broken(), reactor=Clock())
        self.failureResultOf(endpoint.listen(Factory()), KeyError)


class EndpointTests(SynchronousTestCase):
    """The backlog: the number of connections that may wait to be accepted."""

    def assertBacklog(self, description, backlog):
        reactor = MemoryReactorClock()
        server_endpoint(reactor, description).listen(Factory())
        [(_, _, found, *_)] = *reactor.tcpServers, *reactor.unixServers
        self.assertEqual(found, backlog, description)

    def test_it_is_1024_whatever_the_kind(self):
        for description in "tcp:80", "tcp:80:interface=127.0.0.1", "tcp6:80", "unix:/run/a":
            self.assertBacklog(description, 1024)

    def test_unless_the_description_says_it(self):
        for description in (
            "tcp:80:backlog=7",
            "tcp:80:backlog=7:interface=127.0.0.1",
            r"tcp6:80:interface=\:\:1:backlog=7",
            "tcp6:80:7",
            "unix:/run/a:666:7",
        ):
            self.assertBacklog(description, 7)

    def test_a_path_that_looks_like_more_arguments_does_not_count(self):
        for description in r"unix:/run/\:backlog\=7", r"unix:/run/a\:b":
            self.assertBacklog(description, 1024)

    def test_other_kinds_are_left_alone(self):
        for description in "", "nope:1", "tcp":
            self.assertRaises((ValueError, TypeError), server_endpoint, None, description)

    def test_an_endpoint_is_returned_as_it_is(self):
        endpoint = TCP4ServerEndpoint(None, 80)
        self.assertIs(server_endpoint(None, endpoint), endpoint)


class ServeTestCase(TestCase):
    async def serve(self, *arguments, **options):
        server = await serve(*arguments, **options)
        self.addCleanup(server.close)
        return server

    async def assertEchoes(self, uri):
        async with connect(uri) as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")


class ListenTests(ServeTestCase):
    async def test_on_a_name(self):
        server = await self.serve(echo, "localhost", 0)
        [port] = {address.port for address in server.addresses}
        await self.assertEchoes(f"ws://localhost:{port}/")
        hosts = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
        self.assertEqual([address.host for address in server.addresses], hosts)
        self.assertEqual([each.getsockname()[0] for each in server.sockets], hosts)
        for host in hosts:
            await self.assertEchoes(f"ws://{f'[{host}]' if ':' in host else host}:{port}/")

    async def test_on_a_name_whose_port_is_taken_by_one_family(self):
        if not has_ipv6():
            raise SkipTest("::1 can't be bound")
        taken = await self.serve(echo, "::1", 0)
        port = taken.addresses[0].port
        with self.assertRaises(CannotListenError):
            await serve(echo, "localhost", port)
        # The other port is free again.
        await self.serve(echo, "127.0.0.1", port)

    async def test_on_any_name_of_this_machine(self):
        server = await self.serve(echo, "127.1", 0)
        self.assertEqual([address.host for address in server.addresses], ["127.0.0.1"])

    async def test_on_an_ipv4_address(self):
        server = await self.serve(echo, "127.0.0.1", 0)
        [address] = server.addresses
        self.assertEqual(address.host, "127.0.0.1")
        await self.assertEchoes(f"ws://127.0.0.1:{address.port}/")

    async def test_on_an_ipv6_address(self):
        if not has_ipv6():
            raise SkipTest("::1 can't be bound")
        server = await self.serve(echo, "::1", 0)
        [address] = server.addresses
        await self.assertEchoes(f"ws://[::1]:{address.port}/")

    async def test_on_all_of_ipv4(self):
        for host in (None, ""):
            server = await self.serve(echo, host, 0)
            [address] = server.addresses
            await self.assertEchoes(f"ws://127.0.0.1:{address.port}/")

    async def test_at_an_endpoint(self):
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        server = await self.serve(echo, endpoint=endpoint)
        await self.assertEchoes(f"ws://127.0.0.1:{server.addresses[0].port}/")

    async def test_at_the_description_of_one(self):
        server = await self.serve(echo, endpoint="tcp:0:interface=127.0.0.1")
        await self.assertEchoes(f"ws://127.0.0.1:{server.addresses[0].port}/")

    async def test_on_a_unix_socket(self):
        path = join(self.short_directory(), "s")
        server = await self.serve(echo, endpoint=f"unix:{path}")
        [address] = server.addresses
        self.assertEqual(address.name, path.encode())
        peer = await UNIXClientEndpoint(reactor, path).connect(Factory.forProtocol(Peer))
        peer.transport.loseConnection()

    async def test_on_a_port_that_is_taken(self):
        server = await self.serve(echo, "127.0.0.1", 0)
        port = server.addresses[0].port
        with self.assertRaises(CannotListenError):
            await serve(echo, "127.0.0.1", port)

    async def test_its_sockets_are_those_that_listen(self):
        server = await self.serve(echo, "127.0.0.1", 0)
        [listening] = server.sockets
        self.assertEqual(listening.family, AF_INET)
        self.assertEqual(listening.getsockname()[1], server.addresses[0].port)

    def short_directory(self):
        from shutil import rmtree
        from tempfile import mkdtemp

        path = mkdtemp()
        self.addCleanup(rmtree, path)
        return path


class StopTests(ServeTestCase):
    async def test_async_with_closes_it(self):
        async with serve(echo, "127.0.0.1", 0) as server:
            ws = await connect(f"ws://127.0.0.1:{server.addresses[0].port}/")
            self.assertEqual(len(server.connections), 1)
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1001)
        self.assertEqual(set(server.connections), set())
        await server.wait_closed()

    async def test_a_server_can_be_entered_itself(self):
        async with await serve(echo, "127.0.0.1", 0) as server:
            self.assertIsInstance(server, Server)
        await server.wait_closed()

    async def test_it_takes_no_more_connections(self):
        server = await self.serve(echo, "127.0.0.1", 0)
        port = server.addresses[0].port
        self.assertTrue(server.is_serving())
        await server.close()
        self.assertFalse(server.is_serving())
        with self.assertRaises(Exception):  # noqa: B017
            await connect(f"ws://127.0.0.1:{port}/")

    async def test_closing_it_again_only_waits(self):
        server = await self.serve(echo, "127.0.0.1", 0)
        ws = await connect(f"ws://127.0.0.1:{server.addresses[0].port}/")
        waiting = server.wait_closed()
        closings = [server.close(code=1000, reason="back soon"), server.close()]
        await defer.gatherResults([*closings, waiting])
        await server.close()
        await ws.wait_closed()
        self.assertEqual((ws.close_code, ws.close_reason), (1000, "back soon"))

    async def test_a_code_that_may_not_travel_is_refused_and_harms_nothing(self):
        server = await self.serve(echo, "127.0.0.1", 0)
        for arguments in ((True, 1006), (True, 1000, "x" * 124)):
            self.assertRaises(ProtocolError, server.close, *arguments)
        await self.assertEchoes(f"ws://127.0.0.1:{server.addresses[0].port}/")

    async def test_options_reach_the_factory(self):
        class Shouting(WebSocketServerProtocol):
            def messageReceived(self, message):
                self.sendMessage(message.upper())

        server = await self.serve(None, "127.0.0.1", 0, create_protocol=Shouting)
        async with connect(f"ws://127.0.0.1:{server.addresses[0].port}/") as ws:
            ws.sendMessage("hello")
            self.assertEqual(await ws.recv(), "HELLO")

    async def test_one_who_is_refused_can_read_why_though_it_is_still_sending(self):
        server = await self.serve(echo, "127.0.0.1", 0)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", server.addresses[0].port)
        peer = await endpoint.connect(Factory.forProtocol(Answered))
        peer.transport.write(REQUEST.replace(b"Version: 13", b"Version: 8") + b"x" * 10_000_000)
        answer = await peer.end
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        peer.transport.abortConnection()

    async def test_a_client_above_the_limit_can_read_why_though_it_is_still_sending(self):
        server = await self.serve(echo, "127.0.0.1", 0, max_connections=1)
        port = server.addresses[0].port
        async with connect(f"ws://127.0.0.1:{port}/"):
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
            peer = await endpoint.connect(Factory.forProtocol(Answered))
            peer.transport.write(REQUEST + b"x" * 10_000_000)
            answer = await peer.end
        self.assertTrue(answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n"))
        peer.transport.abortConnection()


class Answered(Peer):
    """Fires `end` with all received bytes, once the other side has closed for writing."""

    def __init__(self):
        super().__init__()
        self.end = defer.Deferred()

    def readConnectionLost(self):
        self.end.callback(self.take())
