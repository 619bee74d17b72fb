"""`twistd ws` in place of websockify and websocketd: services and programs beside files."""

import os
from pathlib import Path

from twisted.internet import reactor
from twisted.web.client import Agent, HTTPConnectionPool, ResponseNeverReceived

import txws2
from tests.command.test_commands import TWIST, TWISTD
from tests.interop import test_forwarding, test_mounts
from tests.interop.devtools import inspect
from tests.interop.test_forwarding import NOVNC, ServiceTestCase
from tests.interop.test_stopping import ProcessTestCase
from txws2.exceptions import InvalidStatus
from txws2.forward import read_recording

# Its arguments and its environment, and then all that it reads.
TOOL = """#!/bin/sh
echo "$SCRIPT_NAME $PATH_INFO $QUERY_STRING $1 [$KEPT] [$LOST]"
cat
"""
# It has something to say to the reactor when that waits for its threads.
SLOW_SITE = """
import time
from twisted.internet import reactor
def app(environ, start_response):
    print("the application is called", flush=True)
    while reactor.running:
        time.sleep(0.01)
    start_response("200 OK", [])
    return [b"late"]
"""
COUNT = "#!/bin/sh\nfor n in 1 2 3; do echo $n; done\n"
LISTEN = "--listen=tcp:0:interface=127.0.0.1"


class ModesTestCase(ServiceTestCase, ProcessTestCase):
    """Starts `twistd ws` in a directory with some programs and pages."""

    def setUp(self):
        self.directory = Path(self.make_directory())
        for name, text in {"tool.sh": TOOL, "count.sh": COUNT}.items():
            (self.directory / name).write_text(text)
            (self.directory / name).chmod(0o755)
        (self.directory / "public").mkdir()
        (self.directory / "public" / "index.html").write_text("<p>hello")

    async def begin(self, *options, **environment):
        """Start the command; return the address that it has, without a slash at the end."""
        self.process = self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", LISTEN, *options),
            path=self.directory,
            **environment,
        )
        shown = await self.process.shown(r"listening on \w+(://127\.0\.0\.1:\d+)/")
        return shown[1]

    async def service(self):
        """Let an echo of bytes listen; return its address."""
        return f"127.0.0.1:{(await self.listen()).getHost().port}"

    async def heard(self, uri, *messages):
        """Send messages; return all that comes until the connection is closed."""
        ws = await self.connect(uri)
        for message in messages:
            await ws.send(message)
        return [message async for message in ws], ws.close_code

    async def stop(self):
        self.process.transport.signalProcess("TERM")
        await self.process.ended
        self.assertEqual(self.process.status, 0)
        self.assertNotIn("Traceback", self.process.out + self.process.err)

    get = test_mounts.CommandTests.get


class OnePortTests(ModesTestCase):
    async def test_files_a_service_and_programs_are_on_one_port(self):
        base = await self.begin(
            *("--static=public", f"--forward=/vnc={await self.service()}"),
            *("--exec=/count=./count.sh", "--exec", "/tool=./tool.sh 'a b'"),
            *("--exec-binary=/binary=cat", "--pass-environment=KEPT", "--echo=/echo"),
            *("--pass-environment", "PATH"),
            KEPT="kept",
            LOST="lost",
        )
        self.assertEqual(await self.get(f"http{base}/"), b"<p>hello")
        await self.assertEchoes(await self.connect(f"ws{base}/vnc"), os.urandom(200_000))
        self.assertEqual(await self.heard(f"ws{base}/count"), (["1", "2", "3"], 1000))
        tool = await self.connect(f"ws{base}/tool/x?y=z")
        self.assertEqual(await tool.recv(), "/tool /x y=z a b [kept] []")
        await tool.send("line")
        self.assertEqual(await tool.recv(), "line")
        await self.assertEchoes(await self.connect(f"ws{base}/binary"), b"\0\xff" * 1000)
        await self.stop()
        await tool.wait_closed()
        self.assertEqual(tool.close_code, 1001)

    async def test_a_program_for_all_is_started_and_stopped_with_the_server(self):
        text = 'echo $$; while read line; do echo "$line"; done'
        base = await self.begin(
            f"--exec-shared=sh -c '{text}'", "--shared-history=1", "--shared-input"
        )
        first, second = [await self.connect(f"ws{base}/") for _ in range(2)]
        pid = int(await first.recv())
        self.assertEqual(int(await second.recv()), pid)
        await second.send("to all")
        for each in first, second:
            self.assertEqual(await each.recv(), "to all")
        await self.stop()
        self.assertFalse(Path(f"/proc/{pid}").exists())

    async def test_more_programs_than_may_run_are_refused(self):
        base = await self.begin("--exec=cat", "--max-programs=1")
        ws = await self.connect(f"ws{base}/")
        await ws.send("here")
        self.assertEqual(await ws.recv(), "here")
        failed = await self.assertFailure(txws2.connect(f"ws{base}/", proxy=None), InvalidStatus)
        self.assertEqual(failed.response.status_code, 503)
        await ws.close()
        await self.stop()

    async def test_a_websocket_server_behind_the_command(self):
        base = await self.begin("--echo=/there")
        process = self.process
        front = await self.begin(f"--forward=/here=ws{base}/there")
        ws = await self.connect(f"ws{front}/here")
        await ws.send("text stays text")
        self.assertEqual(await ws.recv(), "text stays text")
        await ws.close()
        await self.stop()
        self.process = process
        await self.stop()

    async def test_tokens_name_services_and_stay_out_of_the_log(self):
        (self.directory / "targets").write_text(f"secret-token: {await self.service()}\n")
        base = await self.begin("--forward=/vnc", "--targets=targets", "--log-connections")
        ws = await self.connect(f"ws{base}/vnc?token=secret-token")
        await self.assertEchoes(ws, b"x")
        await ws.close()
        await self.process.shown("closed")
        await self.stop()
        self.assertNotIn("secret-token", self.process.out + self.process.err)

    async def test_it_stops_though_an_application_of_wsgi_is_still_at_work(self):
        (self.directory / "site_of_a_test.py").write_text(SLOW_SITE)
        base = await self.begin("--wsgi=site_of_a_test:app", "--close-timeout=100ms")
        agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))
        asking = agent.request(b"GET", f"http{base}/".encode())
        await self.process.shown("the application is called")
        await self.stop()
        await self.assertFailure(asking, ResponseNeverReceived)

    async def test_an_idle_process_ends_with_status_0(self):
        base = await self.begin("--echo", "--idle-exit=500ms")
        ws = await self.connect(f"ws{base}/")
        await ws.send("x")
        self.assertEqual(await ws.recv(), "x")
        await ws.close()
        await self.process.ended
        self.assertEqual(self.process.status, 0)
        self.assertIn("so the process ends (--idle-exit)", self.process.out)
        self.assertNotIn("Traceback", self.process.out + self.process.err)


class CannotStartTests(ModesTestCase):
    async def test_all_that_is_wrong_is_told_before_it_listens(self):
        process = self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", LISTEN),
            *("--forward=nope:1", "--exec=/a=nobody", "--exec-shared=/b=none", "--record=x"),
            path=self.directory,
        )
        await process.ended
        self.assertEqual(process.status, 1)
        self.assertEqual(len(process.err.splitlines()), 3)
        for line in "directory 'x'", "program 'nobody' in PATH", "program 'none' in PATH":
            self.assertIn(f"there is no {line}", process.err)
        self.assertNotIn("Traceback", process.out + process.err)

    async def test_nothing_is_left_behind_if_it_can_t_listen_everywhere(self):
        (self.directory / "tool.sh").write_text("#!/bin/sh\ntouch started\n")
        taken = await self.service()
        for program in (TWISTD, "-n", "--pidfile="), (TWIST,):
            process = self.start(
                *(*program, "ws", "--listen=unix:ws.sock", f"--listen={taken}"),
                "--exec-shared=./tool.sh",
                path=self.directory,
            )
            await process.ended
            self.assertEqual(process.status, 1)
            [line] = process.err.splitlines()
            self.assertIn("can't listen on tcp:", line)
            self.assertEqual([*self.directory.glob("ws.sock*")], [])
            self.assertFalse((self.directory / "started").exists())


class NoVNCTests(ModesTestCase):
    """noVNC's page from `--static`, and a VNC server behind `--forward`: as websockify --web."""

    start_vnc = test_forwarding.ScreenTests.start_vnc
    assertShowsScreen = test_forwarding.ScreenTests.assertShowsScreen

    def setUp(self):
        test_forwarding.ScreenTests.setUp(self)
        super().setUp()

    async def test_its_page_shows_the_screen(self):
        records = self.directory / "records"
        records.mkdir(0o700)
        base = await self.begin(
            *(f"--static=/={NOVNC}", f"--forward=localhost:{await self.start_vnc()}"),
            "--record=records",
        )
        page = await inspect(self, f"http{base}/vnc_lite.html")
        await self.assertShowsScreen(page)
        await page.call("Page.close")
        await self.stop()
        [file] = records.iterdir()
        self.assertTrue(next(iter(read_recording(file))).message.startswith(b"RFB 003."))


class WebsockifyTests(ModesTestCase):
    """websockify's own client."""

    test_its_client_is_served = test_forwarding.WebsockifyTests.test_its_client_is_served

    def setUp(self):
        test_forwarding.WebsockifyTests.setUp(self)
        super().setUp()

    async def forward(self, where):
        return f"ws{await self.begin(f'--forward={where}')}/"
