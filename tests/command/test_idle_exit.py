"""`--idle-exit` of `twistd ws`: the process ends when no WebSocket has been open for some time."""

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tests.command.test_config_file import FileTestCase
from tests.support.sides import Peer, RecordedClient
from txws2._command.option import CannotStart
from txws2._command.services import TwistdService
from txws2.testing import Joined, joined


class Download(Resource):
    """A response that goes on until the test ends it."""

    isLeaf = True

    def render_GET(self, request):
        self.request = request
        request.write(b"begun")
        return NOT_DONE_YET


DOWNLOAD = Download()


class IdleTestCase(FileTestCase):
    def begin(self, *arguments):
        self.factory = self.start("--idle-exit=60", "--ping-interval=none", *arguments)

    def join(self, path="/", factory=None):
        return joined(
            factory or self.factory, client=RecordedClient, uri=f"ws://localhost:8000{path}"
        )

    def leave(self, both):
        both.client.close()
        both.pump()

    def pass_time(self, seconds):
        """Let some time pass, in steps as of a reactor that does other things, too."""
        self.reactor.pump([0.5] * int(seconds * 2))

    def assertEndsAfter(self, least, most=None):
        """Assert that the process ends after so many seconds, and not before."""
        self.pass_time(least - 1)
        self.assertFalse(self.reactor.hasStopped)
        self.pass_time((most or least) - least + 2)
        self.assertTrue(self.reactor.hasStopped)


class IdleTests(IdleTestCase):
    def test_nobody_comes(self):
        self.begin()
        self.assertEndsAfter(60)
        [event] = [each for each in self.events if "seconds" in each and "--idle" in str(each)]
        self.assertEqual(event["seconds"], 60)

    def test_a_websocket_that_is_open_keeps_the_process(self):
        self.begin()
        both = self.join()
        self.pass_time(600)
        self.leave(both)
        self.assertEndsAfter(60)

    def test_the_time_begins_when_the_last_has_left(self):
        self.begin()
        first, second, third = (self.join() for _ in range(3))
        self.pass_time(100)
        self.leave(first)
        self.pass_time(59)
        self.leave(third)
        self.pass_time(3)
        self.leave(second)
        self.assertEndsAfter(60)

    def test_those_that_leave_at_the_same_time(self):
        self.begin()
        first, second = self.join(), self.join()
        self.pass_time(10)
        self.leave(first)
        self.leave(second)
        self.assertEndsAfter(60)

    def test_one_that_comes_and_goes_begins_the_time_again(self):
        self.begin()
        self.pass_time(55)
        self.leave(self.join())
        self.assertEndsAfter(60, 66)

    def test_a_client_without_a_handshake_is_nobody(self):
        self.begin("--open-timeout=none")
        self.pass_time(50)
        self.factory.buildProtocol(None)
        self.assertEndsAfter(10)

    def test_a_transport_that_stays_after_its_websocket_is_nobody(self):
        self.begin()
        both = self.join()
        self.pass_time(100)
        self.patch(self.factory, "leave", lambda connection: 0.0)
        self.leave(both)
        self.assertEqual(len(self.factory.connections), 1)
        self.assertEndsAfter(60)

    def test_a_response_over_http_counts_until_it_is_whole_and_its_idle_connection_does_not(self):
        self.begin("--web=tests.command.test_idle_exit:DOWNLOAD", "--echo=/ws")
        peer = Peer()
        both = Joined(self.reactor.tcpServers[0][1].buildProtocol(None), peer, self.reactor)
        peer.transport.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        both.pump()
        self.assertIn(b"begun", peer.take())
        self.pass_time(600)
        self.assertFalse(self.reactor.hasStopped)
        DOWNLOAD.request.finish()
        both.pump()
        self.assertEndsAfter(53, 66)

    def test_all_modes_count(self):
        self.begin("--echo=/a", "--app=/b=tests.command.test_modes:chat", "--echo=/c")
        both = self.join("/c", self.factory.factories[2])
        self.pass_time(100)
        self.leave(both)
        self.assertEndsAfter(60)

    def test_a_status_page_that_is_open_keeps_nothing(self):
        for arguments in [], ["--echo=/a", "--echo=/b"]:
            self.reactor.hasStopped = False
            self.reactor.tcpServers.clear()
            self.begin("--status", *arguments)
            # It was mounted last, before that which has the paths without a mount.
            status = self.factory.factories[-2]
            both = self.join("/status", status)
            self.assertEqual(both.client.state.name, "OPEN")
            self.assertEndsAfter(60)
            self.service.stopService()
            self.leave(both)

    def test_all_servers_count(self):
        text = "idle-exit = '1m'\nping-interval = 'none'\n"
        self.start(self.write(text + "[[service]]\nlisten = 1\n[[service]]\nlisten = 2\n"))
        both = self.join("/", self.reactor.tcpServers[1][1])
        self.pass_time(100)
        self.leave(both)
        self.assertEndsAfter(60)

    def test_without_the_option_the_process_stays(self):
        self.assertIs(type(self.make("--idle-exit=none")), TwistdService)
        self.start()
        self.pass_time(1000)
        self.assertFalse(self.reactor.hasStopped)

    def test_a_server_that_stops_for_another_reason_forgets_it(self):
        self.begin()
        both = self.join()
        self.pass_time(20)
        self.service.stopService()
        both.pump()
        self.leave(both)
        self.pass_time(200)
        self.assertFalse(self.reactor.hasStopped)

    def test_a_websocket_that_ends_after_that_changes_nothing(self):
        self.begin()
        both = self.join()
        self.pass_time(20)
        self.service._others[-1].stopService()
        self.leave(both)
        self.pass_time(200)
        self.assertFalse(self.reactor.hasStopped)

    def test_a_reactor_that_has_stopped_already_is_no_failure(self):
        self.begin()
        self.reactor.stop()
        self.pass_time(61)


class RefusedTests(IdleTestCase):
    def test_a_time_that_is_none(self):
        for given in "0", "-1", "soon":
            error = self.assertRaises(CannotStart, self.make, f"--idle-exit={given}")
            self.assertEqual(
                str(error),
                "twistd ws: --idle-exit must be a number of seconds, more than 0, as 10, 10s, "
                f"500ms or 2m, or none; it is {given!r}",
            )

    def test_a_server_can_t_have_one_of_its_own(self):
        self.assertRefused(
            ["ws.toml:3: idle-exit is for the whole process, so it stands above [[service]]"],
            "[[service]]\nlisten = 1\nidle-exit = 5\n[[service]]\nlisten = 2\n",
        )


class SharedSettingTests(FileTestCase):
    """Settings of modes in a file with several servers."""

    def test_above_all_services_one_that_needs_it_is_enough(self):
        self.make(
            self.write(
                "max-programs = 3\n[[service]]\nlisten = 1\n[[service]]\nlisten = 2\nexec = 'cat'"
            )
        )

    def test_if_none_needs_it_there_is_one_problem(self):
        self.assertRefused(
            ["ws.toml:1: --record has no effect without --forward"],
            "record = '.'\n[[service]]\nlisten = 1\n[[service]]\nlisten = 2\n",
        )

    def test_a_service_must_need_its_own(self):
        self.assertRefused(
            ["ws.toml:3: --max-programs has no effect without --exec or --exec-binary"],
            "[[service]]\nlisten = 1\nmax-programs = 3\n"
            "[[service]]\nlisten = 2\nexec = 'cat'\nmax-programs = 4\n",
        )

    def test_the_place_of_a_setting_that_is_wrong_is_its_own(self):
        self.assertRefused(
            ["ws.toml:2: can't read --targets nowhere: No such file or directory"],
            "forward = ['/a', '/b']\ntargets = 'nowhere'\n",
        )
