"""Handlers that are there already, and the hooks in front of them."""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.web.static import File

import txws2
from txws2.forward import Forward, JWTTargets, Recorded, Replay, Targets, read_recording
from txws2.programs import Program, SharedProgram
from txws2.relay import Gap, Position, Relay, RelayClient, RelayError


def may_publish(connection: txws2.WebSocketServerProtocol, room: str) -> bool:
    return room == "news"


async def find(request: txws2.Request) -> str | None:
    return "localhost:5900" if request.query.get("token") else None


async def follow(client: RelayClient) -> None:
    subscription = client.subscribe("news", since=None, info={"name": "me"})
    async for item in subscription:
        if isinstance(item, Gap):
            continue
        said: str | bytes = item.data
        print(said, item.position.offset)
    try:
        position: Position = await client.publish("news", "hello")
        print(position)
    except RelayError as exc:
        print(exc.code)


relay = Relay("/relay", history="last", publish=may_publish, tokens="tokens.txt", reactor=None)
stored: Deferred[Position] = relay.publish("news", b"hello", id="1")
resource = relay.resource(max_connections=9, trusted_proxies=["unix"])
txws2.Mounts({"/": txws2.WebSocketServerFactory(relay)}, File("public"))

for forward in (
    Forward("localhost:5900", record=Path("recordings"), record_limit=10, connect_timeout=3),
    Forward("wss://example.com/", path="/live", tls="ca.pem"),
    Forward(targets=Targets("tokens", reactor=None)),
    Forward(targets=JWTTargets("key.pem")),
    Forward(targets=find),
    Replay(Path("a.jsonl"), speed=10),
    Program(["cat"], path="/cat", max_programs=None, environment={"A": "b"}),
):
    txws2.WebSocketServerFactory(forward)

recorded: list[Recorded] = list(read_recording("a.jsonl"))
shared = SharedProgram(["tail", "-f", "log"], slow="skip", backoff=txws2.Backoff(initial=1))
shared.startService()
ended: Deferred[None] = shared.stopService()

hooks = [
    txws2.basic_auth("club", check_credentials=txws2.UserFile("users", reactor=None)),
    txws2.bearer_auth("club", check_token=txws2.TokenFile(Path("tokens")), in_query=True),
    txws2.bearer_auth("club", tokens={"s3cret": "me"}),
    txws2.certificate_auth(),
    txws2.backend_auth("http://localhost:1/", timeout=3, reactor=None),
]
txws2.WebSocketServerFactory(relay, process_request=hooks)
txws2.GuardedResource(File("private"), *hooks, trusted_proxies=["unix"])
