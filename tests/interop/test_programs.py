"""Programs behind WebSockets: real processes."""

import os
import resource
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SkipTest, TestCase

import txws2
from txws2.exceptions import ConnectionClosed
from txws2.programs import Program, SharedProgram

SOON = txws2.Backoff(initial=0, minimum=0.05, factor=1)

# The connections that it makes run this script, too.
BOMB = """
import os, socket, sys
made = []
for _ in range(2):
    made.append(socket.create_connection(("127.0.0.1", int(os.environ["SERVER_PORT"]))))
    made[-1].sendall(
        b"GET / HTTP/1.1\\r\\nHost: 127.0.0.1:%s\\r\\n"
        b"Upgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n"
        % os.environb[b"SERVER_PORT"]
    )
sys.stdin.read()
"""


def children():
    """Return the state of each child of this process by its pid: "Z" is a zombie."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid():
            found[int(pid.split()[0])] = state
    return found


def is_alive(pid):
    """Tell whether a process runs, and isn't a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class ProgramTestCase(TestCase):
    timeout = 60

    def setUp(self):
        self.before = children()
        self.events = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    async def serve(self, handler, **options):
        """Return the URI of a server, which is closed at the end of the test."""
        self.server = await txws2.serve(handler, "127.0.0.1", 0, **options)
        self.addCleanup(self.server.close)
        return f"ws://127.0.0.1:{self.server.addresses[0].port}"

    async def talk(self, uri, *messages, **options):
        """Send messages, and return all that come until the end."""
        found = []
        async for ws in txws2.connect(uri, backoff=SOON, proxy=None, max_size=None, **options):
            for message in messages:
                await ws.send(message)
            try:
                while True:
                    found.append(await ws.recv())
            except ConnectionClosed:
                self.client = ws
                return found
        return None

    async def until(self, true):
        """Wait until something is true."""
        while not true():
            await deferLater(reactor, 0.02)

    async def nothing_left(self):
        """Wait until all children of the test are gone, zombies included."""
        await self.until(lambda: children().keys() <= self.before.keys())


def shell(script):
    return ["sh", "-c", script]


class ProcessTests(ProgramTestCase):
    async def test_the_end_is_told(self):
        for script, messages, code, reason in (
            ("printf 'one\\nrest'", ["one", "rest"], 1000, ""),
            ("echo one; exit 3", ["one"], 1011, "exit status 3"),
            ("kill -9 $$", [], 1011, "ended by SIGKILL"),
        ):
            uri = await self.serve(Program(shell(script)))
            self.assertEqual(await self.talk(uri), messages)
            self.assertEqual((self.client.close_code, self.client.close_reason), (code, reason))
        await self.nothing_left()

    async def test_what_is_no_utf_8_is_replaced(self):
        uri = await self.serve(Program(shell(r"printf 'a\377b\n'")))
        self.assertEqual(await self.talk(uri), ["a\ufffdb"])

    async def test_standard_error_goes_to_the_log(self):
        uri = await self.serve(Program(shell(r"printf 'bad\033[2J\nrest' >&2")))
        await self.talk(uri)
        texts = [formatEvent(event) for event in self.events]
        for text in ("bad\\x1b[2J", "rest"):
            self.assertTrue(any(each.endswith(f"]: {text}") for each in texts), text)

    async def test_a_program_that_ignores_sigterm_is_killed(self):
        script = "trap '' TERM INT; echo $$; while :; do sleep 0.05; done"
        uri = await self.serve(Program(shell(script), term_after=0.05, kill_after=0.2))
        ws = await txws2.connect(uri, proxy=None)
        pid = int(await ws.recv())
        await ws.close()
        await self.nothing_left()
        self.assertFalse(is_alive(pid))
        self.assertTrue(any("is killed" in formatEvent(event) for event in self.events))

    async def test_its_children_end_with_it(self):
        script = "sleep 1000 & echo $!; sleep 1000 >/dev/null 2>&1 & echo $!; cat; wait"
        uri = await self.serve(Program(shell(script), term_after=0.05))
        ws = await txws2.connect(uri, proxy=None)
        pids = [int(await ws.recv()), int(await ws.recv())]
        self.assertTrue(all(map(is_alive, pids)))
        await ws.close()
        await self.until(lambda: not any(map(is_alive, pids)))
        await self.nothing_left()

    async def test_a_server_that_stops_leaves_nothing(self):
        script = "trap '' TERM INT; echo ready; while :; do sleep 0.05; done"
        program = Program(shell(script), term_after=0.05, kill_after=60)
        uri = await self.serve(program, close_timeout=0.5)
        connections = [await txws2.connect(uri, proxy=None) for _ in range(5)]
        for ws in connections:
            await ws.recv()
        await self.server.close()
        await self.nothing_left()
        self.assertEqual(program.running, 0)

    async def test_five_hundred_run_at_once(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most[1] < 8000:
            raise SkipTest("the system allows too few open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, most)
        program = Program(["cat"], max_programs=500)
        uri = await self.serve(program, max_connections=None)
        connections = []
        for _ in range(500):
            connections.append(await txws2.connect(uri, proxy=None, compression=None))
        self.assertEqual(program.running, 500)
        for number, ws in enumerate(connections):
            await ws.send(f"{number}")
        answers = await gatherResults([ws.recv() for ws in connections])
        self.assertEqual(answers, [str(number) for number in range(500)])
        await self.server.close()
        await self.nothing_left()
        self.assertEqual(program.running, 0)

    async def test_a_fork_bomb_is_refused_by_the_limit(self):
        program = Program([sys.executable, "-c", BOMB], max_programs=5)
        answers, all_asked = [], Deferred()
        ask = program.process_request

        def process_request(connection, request):
            answers.append(ask(connection, request))
            if len(answers) == 11:
                all_asked.callback(None)
            return answers[-1]

        program.process_request = process_request
        uri = await self.serve(program)
        await txws2.connect(uri, proxy=None)
        await all_asked
        statuses = [answer and answer.status_code for answer in answers]
        self.assertEqual((statuses.count(None), statuses.count(503)), (5, 6))
        self.assertEqual(program.running, 5)
        await self.server.close()
        await self.nothing_left()

    async def test_a_flood_waits_for_a_slow_reader(self):
        uri = await self.serve(Program(["yes", "x" * 1000]))
        ws = await txws2.connect(uri, proxy=None, compression=None)
        await ws.recv()
        [connection] = self.server.connections
        await self.until(lambda: connection.counters.waiting_out)
        self.assertLess(connection.counters.waiting_out, 1_000_000)
        await ws.close()
        await self.nothing_left()

    async def test_a_large_file_goes_through_it_and_comes_back(self):
        data = os.urandom(3_000_000)
        uri = await self.serve(Program(["cat"], binary=True), max_size=None)
        ws = await txws2.connect(uri, proxy=None, max_size=None)
        sending = ws.send(data)
        got = b""
        while len(got) < len(data):
            got += await ws.recv()
        await sending
        self.assertEqual(got, data)
        await ws.close()


class SharedTests(ProgramTestCase):
    async def test_a_log_is_followed_by_all(self):
        path = Path(os.path.abspath(self.mktemp()))
        path.write_text("old\n")
        shared = SharedProgram(["tail", "-n", "1", "-F", str(path)], history=10)
        shared.startService()
        self.addCleanup(shared.stopService)
        uri = await self.serve(shared)
        listeners = [await txws2.connect(uri, proxy=None) for _ in range(3)]
        self.assertEqual([await ws.recv() for ws in listeners], ["old"] * 3)
        with path.open("a") as log:
            log.write("new\n")
        self.assertEqual([await ws.recv() for ws in listeners], ["new"] * 3)
        await shared.stopService()
        await self.nothing_left()
        for ws in listeners:
            await ws.close()

    async def test_it_is_started_again(self):
        shared = SharedProgram(shell("echo $$"), backoff=txws2.Backoff(initial=0, minimum=0.01))
        shared.startService()
        self.addCleanup(shared.stopService)
        ws = await txws2.connect(await self.serve(shared), proxy=None)
        pids = {await ws.recv(), await ws.recv()}
        self.assertEqual(len(pids), 2)
        await ws.close()
