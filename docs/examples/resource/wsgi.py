"""A WSGI application at the root of a site, and an echo beside it."""

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.wsgi import WSGIResource

import txws2


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"This is {environ['PATH_INFO']}.\n".encode()]


class Root(Resource):
    def getChild(self, path, request):
        # The application gets every other path, from this part on.
        request.prepath.pop()
        request.postpath.insert(0, path)
        return self.application


root = Root()
root.application = WSGIResource(reactor, reactor.getThreadPool(), application)
root.putChild(b"chat", txws2.WebSocketResource(echo))
txws2.run(root, "localhost", 8000)
