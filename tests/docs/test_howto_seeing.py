"""docs/howto shows code that works, on metrics, logging and debugging."""

import json
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.printed import PrintedTestCase
from txws2.testing import joined
from txws2.wire.frames import TEXT


def examples(name):
    return blocks(Path(ROOT, "docs", "howto", f"{name}.rst").read_text(), "python")


class CountersTests(SynchronousTestCase):
    def setUp(self):
        self.printed = []
        self.example = {"print": lambda *values: self.printed.append(values)}
        exec(examples("metrics")[0], self.example)

    def test_a_handler_and_a_report(self):
        with joined(self.example["handler"]) as both:
            both.client.sendMessage("hello")
            both.pump()
            self.example["report"](both.server.factory)
            both.client.close()
            both.pump()
        # Its messages in, and the bytes of five out: with a header, and of the close frame.
        self.assertEqual(self.printed, [(1, 1, {}, {}), (1, 7 + 4)])


class MetricsTests(ExampleTestCase):
    async def test_a_server_and_its_metrics(self):
        port, metrics_port = free_port(), free_port()
        script = examples("metrics")[1].replace("9090", str(metrics_port))
        command = self.run_block(script, port)
        await self.until_somebody_listens(port)
        ws = await txws2.connect(f"ws://127.0.0.1:{port}/", reactor=reactor)
        await ws.send("hello")
        await ws.recv()
        await ws.close()
        uri = f"http://127.0.0.1:{metrics_port}/metrics"
        text = (await deferToThread(lambda: urlopen(uri).read())).decode()
        self.assertIn('txws2_messages_received_total{factory="chat"} 1.0', text)
        command.transport.signalProcess("TERM")
        await command.ended


class LoggingTests(SynchronousTestCase):
    def test_events_are_lines_of_json(self):
        example, file = {}, StringIO()
        exec(examples("logging")[0], example)
        observer = example["log_to"](file)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        with joined(log_connections=True, debug=True) as both:
            ids = {both.server.id, both.client.id}
        lines = [json.loads(line) for line in file.getvalue().splitlines()]
        self.assertEqual(len(lines), 4)
        self.assertEqual({line["connection"] for line in lines}, ids)
        closed = [line for line in lines if "duration" in line]
        for line in closed:
            self.assertEqual((line["received_code"], line["sent_code"]), (1000, 1000))
            self.assertEqual(line["log_namespace"].partition(".")[0], "txws2")
        self.assertEqual({line["path"] for line in lines if line not in closed}, {"/"})


class TraceTests(PrintedTestCase):
    def test_frames_are_counted(self):
        [example] = examples("debugging")
        both = self.join_printed(example)
        both.client.sendMessage("hello")
        self.assertEqual(both.result_of(both.client.recv()), "hello")
        self.assertEqual(self.names["seen"], {("<", TEXT, True): 1, (">", TEXT, True): 1})
        self.assertEqual(len(self.printed()), 1)
