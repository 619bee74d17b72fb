"""The server's side of it, for `twistd ws`: in push style, as the client's is in pull style."""

import txws2
from tests.support.epolls import share_as_told

share_as_told()


class Echo(txws2.WebSocketServerProtocol):
    """Sends every message back."""

    def messageReceived(self, message):
        self.sendMessage(message)
