"""Our server for the suite, for `twistd ws`: in push style, while the client is in pull style."""

import txws2
from tests.support.epolls import share_as_told

share_as_told()


class Echo(txws2.WebSocketServerProtocol):
    """Sends every message back."""

    def messageReceived(self, message):
        self.sendMessage(message)
