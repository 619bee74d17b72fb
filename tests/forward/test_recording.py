"""Recordings of connections, and playing them."""

import errno
import json
import stat
from pathlib import Path

from tests.support.targets import KIB, ForwardTestCase
from txws2.forward import Forward, Recorded, Replay, read_recording, recorder
from txws2.testing import joined


class RecordingTestCase(ForwardTestCase):
    def setUp(self):
        super().setUp()
        self.directory = Path(self.mktemp())

    def record(self, where=None, uri="ws://example.com/vnc?token=secret", offered=(), **options):
        forward = Forward(
            where or self.target, record=self.directory, reactor=self.clock, **options
        )
        self.open(forward, uri, offered=offered)

    @property
    def file(self):
        [file] = self.directory.iterdir()
        return file

    def recorded(self):
        return list(read_recording(self.file))


class RecordingTests(RecordingTestCase):
    def test_it_has_the_messages_both_ways_with_their_times(self):
        self.record()
        self.advance(1)
        self.client.sendMessage(b"up\xff")
        self.settle()
        self.advance(2)
        self.target.peer.transport.write(b"down")
        self.settle()
        self.client.close()
        self.settle()
        self.assertEqual(
            self.recorded(), [Recorded(1, True, b"up\xff"), Recorded(3, False, b"down")]
        )

    def test_the_first_line_tells_the_date_and_of_the_connection_without_the_query(self):
        self.clock.advance(1000)
        self.patch(recorder, "time", lambda: 1764320000.25)
        self.record(offered=["binary"])
        self.client.close()
        self.settle()
        first, last = self.file.read_text().splitlines()
        self.assertEqual(
            json.loads(first),
            {
                "format": "txws2 recording",
                "version": 1,
                "began": 1764320000.25,
                "path": "/vnc",
                "subprotocol": "binary",
            },
        )
        self.assertEqual(json.loads(last), {"time": 0, "close": 1000, "reason": ""})

    def test_text_is_recorded_as_text(self):
        self.record(offered=["base64"])
        self.client.sendMessage("YQ==")
        self.target.peer.transport.write(b"b")
        self.settle()
        self.client.close()
        self.settle()
        self.assertEqual(self.recorded(), [Recorded(0, True, "YQ=="), Recorded(0, False, "Yg==")])

    def test_only_the_owner_may_read_it(self):
        self.record()
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.directory.stat().st_mode), 0o700)
        self.client.close()
        self.settle()

    def test_each_connection_has_a_file_of_its_own(self):
        self.record()
        first = self.client
        self.open(self.forward)
        self.assertEqual(len(list(self.directory.iterdir())), 2)
        for client in first, self.client:
            client.transport.loseConnection()
        self.settle()

    def test_at_the_limit_of_its_size_the_connection_goes_on_without_it(self):
        self.record(record_limit=KIB)
        for _ in range(3):
            self.client.sendMessage(bytes(500))
            self.settle()
        self.assertEqual(self.target.peer.take(), bytes(1500))
        [event] = self.take_loud()
        self.assertIn("limit", event["why"])
        self.client.close()
        self.settle()
        self.assertEqual(self.recorded(), [Recorded(0, True, bytes(500))])
        self.assertLessEqual(self.file.stat().st_size, KIB)

    def test_a_full_disk_is_told_and_the_connection_goes_on(self):
        class Full:
            def write(self, data):
                raise OSError(errno.ENOSPC, "No space left on device")

            def close(self):
                raise OSError(errno.ENOSPC, "No space left on device")

        forward = Forward(self.target, record=self.directory, reactor=self.clock)
        make, made = forward._recordings.recorder, []
        forward._recordings.recorder = lambda ws: made.append(make(ws)) or made[0]
        self.open(forward)
        made[0]._file.close()
        made[0]._file = Full()
        self.client.sendMessage(b"up")
        self.settle()
        self.assertEqual(self.target.peer.take(), b"up")
        told = [event["why"] for event in self.take_loud()]
        self.assertEqual(told, ["[Errno 28] No space left on device"] * 2)
        self.client.close()
        self.settle()

    def test_a_connection_that_cannot_be_recorded_is_closed_with_1011(self):
        forward = Forward(self.target, record=self.directory, reactor=self.clock)
        self.directory.rmdir()
        self.open(forward)
        self.assertEqual(self.client.close_code, 1011)
        self.target.joined.pump()
        self.assertFalse(self.target.joined.client_transport.connected)
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_directory_that_cannot_be_made_is_told_at_once(self):
        self.directory.write_text("a file")
        self.assertRaises(OSError, Forward, self.target, record=self.directory, reactor=self.clock)


class ReadingTests(RecordingTestCase):
    def write(self, *lines):
        path = Path(self.mktemp())
        path.write_text("".join(lines))
        return path

    HEAD = '{"format":"txws2 recording","version":1,"began":0,"path":"/","subprotocol":null}\n'

    def test_a_last_line_that_is_not_complete_is_left_out(self):
        path = self.write(self.HEAD, '{"time":1,"from":"client","text":"a"}\n', '{"time":2,"fr')
        self.assertEqual(list(read_recording(path)), [Recorded(1, True, "a")])

    def test_a_line_with_a_mistake_is_told(self):
        for line in "{}", "[]", "x", '{"time":1,"from":"x","text":""}', '{"time":1,"data":"?"}':
            path = self.write(self.HEAD, line + "\n")
            error = self.assertRaises(ValueError, list, read_recording(path))
            self.assertIn(f"{path}, line 2", str(error))

    def test_another_file_is_told(self):
        for head in "", "x\n", "[]\n", "{}\n", '{"format":"x","version":1}\n':
            path = self.write(head)
            error = self.assertRaises(ValueError, list, read_recording(path))
            self.assertIn("is no recording", str(error))
            self.assertRaises(ValueError, Replay, path)

    def test_another_version_is_told(self):
        path = self.write(self.HEAD.replace('"version":1', '"version":2'))
        error = self.assertRaises(ValueError, list, read_recording(path))
        self.assertIn("version 2", str(error))


class ReplayTests(RecordingTestCase):
    def recording(self):
        self.record(offered=["binary"])
        for second in range(3):
            self.client.sendMessage(b"asked")
            self.target.peer.transport.write(b"%d" % second)
            self.settle()
            self.advance(1)
        self.target.peer.transport.loseConnection()
        self.settle()
        return self.file

    def test_the_messages_to_the_client_come_at_their_times(self):
        replay = Replay(self.recording())
        both = joined(replay, clock=self.clock)
        got = []
        for _ in range(3):
            both.pump()
            got.append(self.successResultOf(both.client.recv()))
            if got[-1] == b"2":
                break
            self.clock.advance(0.75)
            both.pump()
            self.assertNoMessage(both.client)
            self.clock.advance(0.25)
        both.pump()
        self.assertEqual(got, [b"0", b"1", b"2"])
        self.assertEqual(both.client.close_code, 1000)

    def assertNoMessage(self, client):
        waiting = client.recv()
        self.assertNoResult(waiting)
        waiting.cancel()
        self.failureResultOf(waiting)

    def test_what_the_client_sends_is_dropped(self):
        both = joined(Replay(self.recording()), clock=self.clock)
        for _ in range(100):
            both.client.sendMessage(bytes(10 * KIB))
        both.pump()
        self.assertFalse(both.server_transport.paused)
        both.client.close()
        both.pump()

    def test_a_client_that_leaves_ends_it(self):
        both = joined(Replay(self.recording()), clock=self.clock)
        both.client.close()
        both.pump()
        self.assertEqual(both.server.factory.running, set())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_has_the_subprotocol_of_the_recording(self):
        replay = Replay(self.recording())
        self.assertEqual(replay.subprotocols, ("binary",))
        both = joined(replay, clock=self.clock)
        self.assertIsNone(both.client.subprotocol)
        both.client.close()
        both.pump()
