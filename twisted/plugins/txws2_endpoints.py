"""Registers `ws:` and `wss:` endpoint strings; all other code is imported when they are used."""

from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(
    IPlugin, IStreamClientEndpointStringParserWithReactor, IStreamServerEndpointStringParser
)
class Parser:
    """Parses the endpoint strings that begin with a prefix."""

    def __init__(self, prefix):
        self.prefix = prefix

    def parseStreamServer(self, reactor, *arguments, **options):
        """Return the endpoint that a server's endpoint string describes."""
        from txws2.streams.endpoint_strings import server_endpoint

        return server_endpoint(self.prefix, reactor, arguments, options)

    def parseStreamClient(self, reactor, *arguments, **options):
        """Return the endpoint that a client's endpoint string describes."""
        from txws2.streams.endpoint_strings import client_endpoint

        return client_endpoint(self.prefix, reactor, arguments, options)


ws = Parser("ws")
wss = Parser("wss")
