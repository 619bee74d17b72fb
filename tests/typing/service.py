"""A service, as in a .tac file."""

from twisted.application.service import Application, MultiService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.python.failure import Failure
from twisted.web.server import Site
from twisted.web.static import File

import txws2


async def handler(ws: txws2.WebSocketServerProtocol) -> None:
    print(ws.remote_address, "secure" if ws.secure is True else "")
    await ws.close()


class Strict(txws2.WebSocketService):
    def cannotListen(self, where: str, reason: Failure, starting: bool) -> None:
        raise SystemExit(where)


application = Application("chat")
parent = MultiService()
service = txws2.WebSocketService(
    "tcp:8000", handler, drain=None, max_size=5, max_connections=9, trusted_proxies=["unix"]
)
service.setName("chat")
service.setServiceParent(application)
several = Strict(["tcp:8000", TCP4ServerEndpoint(reactor, 80)], handler)
factory = txws2.WebSocketServerFactory(handler)
stopping: Deferred[None] = txws2.WebSocketService(
    TCP4ServerEndpoint(reactor, 80), factory
).stopService()
print([connection.id for connection in service.connections], service.addresses)

mounts = txws2.Mounts({"/chat": txws2.WebSocketServerFactory(handler)}, File("public"))
txws2.Mounts({}, Site(File("public")), reactor=None)
many: Deferred[None] = txws2.WebSocketService("tcp:80", mounts, drain=60).stopService()
print(
    len(mounts.connections), mounts.counters.messages_in, mounts.factories[0].counters, mounts.site
)
txws2.run(mounts, "localhost", 8000)
