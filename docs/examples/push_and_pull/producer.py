"""A server that sends the time a hundred times a second, as long as there is room."""

import time

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from zope.interface import implementer

import txws2


@implementer(IPushProducer)
class Times:
    def __init__(self, ws):
        self.telling = LoopingCall(lambda: ws.sendMessage(time.ctime()))

    def resumeProducing(self):
        self.telling.start(0.01)

    def pauseProducing(self):
        if self.telling.running:
            self.telling.stop()

    stopProducing = pauseProducing


class Feed(txws2.WebSocketServerProtocol):
    def connectionOpened(self):
        times = Times(self)
        self.registerProducer(times)
        times.resumeProducing()


txws2.run(None, "localhost", 8000, create_protocol=Feed)
