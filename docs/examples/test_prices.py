"""python -m pytest test_prices.py"""

from prices import Prices
from twisted.internet.error import ConnectionRefusedError

from txws2.testing import Refuse, ScriptedServer, Silence, Vanish


async def sell(ws):
    assert await ws.recv() == "subscribe"
    await ws.send("42")
    await ws.wait_closed()


def test_it_comes_back_when_the_connection_is_lost():
    prices = Prices()
    with ScriptedServer(sell, subprotocols=["prices"]) as server:
        following = server.start(prices.follow("ws://prices.example/tea"))
        assert prices.latest == "42"
        server.advance(60)
        server.script(Refuse(503, retry_after=30))
        server.connection.drop()
        server.advance(29)
        assert (prices.latest, len(server.attempts)) == (None, 2)
        server.advance(1)
        assert (prices.latest, len(server.attempts)) == ("42", 3)
        assert server.attempts[-1].uri == "ws://prices.example/tea"
        assert server.attempts[-1].subprotocols == ["prices"]
        following.cancel()


def test_it_is_patient():
    prices = Prices()
    server = ScriptedServer(sell, subprotocols=["prices"])
    server.script(ConnectionRefusedError(), Silence())
    with server:
        server.start(prices.follow("ws://prices.example/tea"))
        # 5 seconds of backoff at most, 10 of open_timeout, and a little more than 3 of backoff.
        server.advance(20)
    assert prices.latest == "42"


def test_a_price_from_a_server_that_is_gone_is_forgotten_within_a_minute():
    prices = Prices()
    server = ScriptedServer(sell, subprotocols=["prices"], otherwise=Silence())
    with server.script(Vanish(after=5)):
        server.start(prices.follow("ws://prices.example/tea"))
        assert prices.latest == "42"
        server.advance(60)
        assert prices.latest is None
