"""The server's side of it, for `twistd ws`: in push style, as the client's is in pull style."""

import txws2


class Echo(txws2.WebSocketServerProtocol):
    """Sends every message back."""

    def messageReceived(self, message):
        self.sendMessage(message)
