"""Our client with others' servers behind nginx and HAProxy, which end TLS, as in docs/deploy."""

from twisted.internet.ssl import optionsForClientTLS

from tests.interop.cases import FragmentCases
from tests.interop.sides import OurClientCases
from tests.interop.test_reverse_proxies import HOST, RunsHAProxy, RunsNginx


class BehindAProxy(OurClientCases):
    """The cases for another library's server hold for that server behind a proxy, too."""

    async def start_server(self, *arguments):
        peer, uri = await super().start_server(*arguments)
        self.make_room()
        await self.put_before(int(uri.rpartition(":")[2].strip("/")))
        tls = optionsForClientTLS(HOST, trustRoot=self.trust)
        self.options = {"endpoint": self.endpoint(), "tls": tls}
        return peer, f"wss://{HOST}/"


class OurClientWithAWebsocketsServerBehindNginxTests(BehindAProxy, FragmentCases, RunsNginx):
    library = "websockets"

    # The server of `websockets` refuses clients that don't speak one of its subprotocols.
    test_without_a_subprotocol_in_common_there_is_none = None
    test_there_is_no_subprotocol_where_only_the_peer_knows_some = None


class OurClientWithAnAiohttpServerBehindHAProxyTests(BehindAProxy, RunsHAProxy):
    library = "aiohttp"
    refusal = b"404: Not Found"


class OurClientWithAWsServerBehindHAProxyTests(BehindAProxy, FragmentCases, RunsHAProxy):
    library = "ws"
