"""The same echo in push style: python echo_push.py"""

from echo import page

import txws2


class Echo(txws2.WebSocketServerProtocol):
    def messageReceived(self, message):
        self.sendMessage(message)


if __name__ == "__main__":
    factory = txws2.WebSocketServerFactory(create_protocol=Echo)
    txws2.run(txws2.Mounts({"/ws": factory}, site=page()), "localhost", 8000)
