"""Programs behind WebSockets: websocketd and ours answer in the same way."""

import os
import shlex

import txws2
from tests.interop.test_programs import SOON, ProgramTestCase, is_alive, shell
from tests.interop.websocketd import start_websocketd
from txws2.exceptions import InvalidStatus
from txws2.programs import Program

SAME = {
    "each line is a message": (shell(r"printf 'one\ntwo\n\nthree\n'"), []),
    "lines may end with CRLF": (shell(r"printf 'one\r\n\r\ntwo\n'"), []),
    "a message is a line": (shell('read a; read b; echo "$b$a"'), ["one", "two"]),
    "a message with a line end is two lines": (shell('read a; read b; echo "$b"'), ["one\ntwo"]),
    "a binary message is written as it is": (shell('read a; echo "$a"'), [b"one", b"two\n"]),
    "an empty message is an empty line": (shell('read a; read b; echo "[$a]$b"'), ["", "x"]),
    "text may have any characters": (shell('read a; echo "$a \u2713"'), ["h\u00e9llo \U0001f600"]),
    "arguments aren't read by a shell": (["echo", "$HOME;", "*", "'\""], []),
    "standard error isn't sent": (shell("echo no >&2; echo yes"), []),
    "a line may be long": (shell("head -c 500000 /dev/zero | tr '\\0' x; echo"), []),
    "messages may be long": (shell("head -c 300001 | wc -c | tr -d ' '"), ["x" * 300_000]),
    "a program may end at once": (["true"], []),
    "a program may close its input": (
        shell("exec <&-; sleep 0.2; echo still here"),
        ["lost", "lost"],
    ),
    "a program may wait for its input to end no longer than it likes": (
        shell("echo x; exit 3"),
        [],
    ),
}
"""Programs, and messages to them, that websocketd and ours answer in the same way."""


VARIABLES = """
    REMOTE_ADDR REMOTE_HOST SERVER_NAME SERVER_PROTOCOL REQUEST_METHOD SCRIPT_NAME PATH_INFO
    PATH_TRANSLATED QUERY_STRING REQUEST_URI AUTH_TYPE CONTENT_LENGTH CONTENT_TYPE REMOTE_IDENT
    REMOTE_USER HTTP_COOKIE HTTP_X_TWO HTTP_ORIGIN PATH HTTPS SECRET HOME
"""
"""Variables that have the same value with both, or that both leave out."""


class WebsocketdTests(ProgramTestCase):
    async def test_both_answer_alike(self):
        for name, (command, messages) in SAME.items():
            theirs = await self.talk(start_websocketd(self, *command), *messages)
            ours = await self.talk(await self.serve(Program(command)), *messages)
            self.assertEqual(ours, theirs, name)
            self.assertTrue(ours or command == ["true"], name)

    async def test_so_they_do_in_binary(self):
        command = shell("head -c 9 | tr a-z A-Z; printf '\\377'")
        for messages in ([b"one\0", b"two\n\xff"], [b"one", "two\u00e9"]):
            uris = [
                start_websocketd(self, "--binary", *command),
                await self.serve(Program(command, binary=True)),
            ]
            theirs, ours = [await self.talk(uri, *messages) for uri in uris]
            # A pipe doesn't keep messages apart.
            self.assertEqual(b"".join(ours), b"".join(theirs))

    async def test_the_environment_is_the_same(self):
        self.patch(os, "environ", os.environ | {"SECRET": "x"})
        command = shell(
            "; ".join(f'echo "{name}=[${{{name}-none}}]"' for name in VARIABLES.split())
        )
        headers = [
            ("Cookie", "a=b"),
            ("X-Two", "1"),
            ("X-Two", "2"),
            ("Origin", "http://x.example"),
        ]
        theirs, ours = [
            await self.talk(f"{uri}/a%20b/c?d=e&f=%20", additional_headers=headers)
            for uri in (start_websocketd(self, *command), await self.serve(Program(command)))
        ]
        self.assertEqual(ours, theirs)

    async def test_the_end_of_a_connection_is_the_end_of_the_input(self):
        for number, serve in enumerate((start_websocketd, None)):
            path = os.path.abspath(self.mktemp())
            command = shell(f"echo ready; cat; echo ended >{shlex.quote(path)}")
            uri = serve(self, *command) if serve else await self.serve(Program(command))
            async for ws in txws2.connect(uri, backoff=SOON, proxy=None):
                self.assertEqual(await ws.recv(), "ready", number)
                await ws.close()
                break
            await self.until(lambda path=path: os.path.exists(path))

    async def test_one_that_goes_on_gets_signals(self):
        for number, serve in enumerate((start_websocketd, None)):
            command = shell("echo $$; trap '' INT; while :; do sleep 0.05; done")
            uri = serve(self, *command) if serve else await self.serve(Program(command))
            async for ws in txws2.connect(uri, backoff=SOON, proxy=None):
                pid = int(await ws.recv())
                self.assertTrue(is_alive(pid), number)
                await ws.close()
                break
            await self.until(lambda pid=pid: not is_alive(pid))

    async def test_both_have_a_limit_of_processes(self):
        uris = [
            (start_websocketd(self, "--maxforks=1", "cat"), 429),
            (await self.serve(Program(["cat"], max_programs=1)), 503),
        ]
        for uri, status in uris:
            async for ws in txws2.connect(uri, backoff=SOON, proxy=None):
                try:
                    await txws2.connect(uri, proxy=None)
                except InvalidStatus as exc:
                    self.assertEqual(exc.response.status_code, status)
                else:
                    self.fail("it was accepted")
                await ws.close()
                break
