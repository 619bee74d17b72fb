"""Options of `twistd ws` by which clients prove who they are: they stand in front of any mode."""

from base64 import b64encode
from pathlib import Path

from twisted.internet.task import Clock

from tests.command.test_modes import ModesTestCase
from tests.support.sides import REQUEST
from txws2 import Response, guarded
from txws2.server.factory import WebSocketServerFactory
from txws2.server.sha_crypt import sha_crypt

FACTORY = WebSocketServerFactory(reactor=Clock())

SAID = []


async def name(ws):
    SAID.append((ws.username, ws.auth_type))


LOCKED = guarded(name, lambda connection, request: Response(401, "Unauthorized"))


class AuthenticationTestCase(ModesTestCase):
    def setUp(self):
        super().setUp()
        self.reactor.getThreadPool = lambda: self
        self.tokens = self.file("tokens", "abc ann\n")
        self.users = self.file("users", "bob:$6$salt$" + sha_crypt("6", b"secret", b"salt", 5000))
        SAID.clear()

    def callInThreadWithCallback(self, done, function, *arguments, **options):
        done(True, function(*arguments, **options))

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def status(self, path="/", *lines, page=False):
        """Send a request with these headers; return the status of the answer."""
        head = b"GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n" if page else REQUEST
        head = head.replace(b"/chat", path.encode()).replace(b"example.com", b"localhost")
        more = "".join(f"{line}\r\n" for line in lines).encode()
        self.answer = self.ask(head[:-2] + more + b"\r\n")
        return int(self.answer.split(b" ")[1])

    def assertGuarded(self, *proof, path="/", page=False):
        self.assertEqual(self.status(path, page=page), 401, path)
        self.assertEqual(self.status(path, *proof, page=page), 200 if page else 101, path)


TOKEN = "Authorization: Bearer abc"
PASSWORD = "Authorization: Basic " + b64encode(b"bob:secret").decode()


class FilesTests(AuthenticationTestCase):
    def test_a_token_of_the_file_is_needed(self):
        self.start("--bearer-tokens", self.tokens)
        self.assertGuarded(TOKEN)

    def test_a_password_of_the_file_is_needed(self):
        self.start("--user-file", self.users)
        self.assertGuarded(PASSWORD)
        self.assertEqual(self.status("/", PASSWORD.replace("Ym", "ym")), 401)

    def test_with_both_one_is_enough(self):
        self.start("--user-file", self.users, "--bearer-tokens", self.tokens)
        self.assertGuarded(TOKEN)
        self.assertGuarded(PASSWORD)
        self.status()
        self.assertEqual(self.answer.count(b"WWW-Authenticate"), 2)

    def test_that_holds_for_a_page_too(self):
        site = "--web=/site=tests.command.test_modes:ROOT"
        self.start("--user-file", self.users, "--bearer-tokens", self.tokens, site, "--echo")
        self.assertGuarded(TOKEN, path="/site/", page=True)
        self.assertGuarded(PASSWORD, path="/site/", page=True)
        self.status("/site/", page=True)
        self.assertEqual(self.answer.count(b"WWW-Authenticate"), 2)

    def test_an_application_knows_the_name_and_the_kind_of_proof(self):
        self.start(
            *("--bearer-tokens", self.tokens, "--user-file", self.users),
            *("--app", "tests.command.test_authentication:name"),
        )
        self.assertEqual(self.status("/", TOKEN), 101)
        self.assertEqual(self.status("/", PASSWORD), 101)
        self.assertEqual(SAID, [("ann", "Bearer"), ("bob", "Basic")])

    def test_a_token_in_the_query_counts_if_that_is_permitted(self):
        self.start("--bearer-tokens", self.tokens)
        self.assertEqual(self.status("/?access_token=abc"), 401)
        self.reactor.tcpServers.clear()
        self.start("--bearer-tokens", self.tokens, "--query-tokens")
        self.assertEqual(self.status("/?access_token=abc"), 101)

    def test_a_file_that_changes_is_read_again(self):
        self.start("--bearer-tokens", self.tokens)
        Path(self.tokens).write_text("other\n")
        self.assertEqual(self.status("/", TOKEN), 401)
        self.assertEqual(self.status("/", "Authorization: Bearer other"), 101)


class ModesTests(AuthenticationTestCase):
    def test_each_mode_and_each_path_is_guarded(self):
        (self.directory / "index.html").write_text("the page")
        self.start(
            *("--bearer-tokens", self.tokens, "--echo", "/echo", "--static", str(self.directory)),
            *("--app", "/app=tests.command.test_authentication:name"),
            *("--web", "/web=tests.command.test_modes:ROOT"),
        )
        self.assertGuarded(TOKEN, path="/echo")
        self.assertGuarded(TOKEN, path="/app")
        self.assertGuarded(TOKEN, path="/web/", page=True)
        for path in "/", "/index.html", "/none", "/tokens", "/echo":
            self.assertEqual(self.status(path, page=True), 401)
        self.assertEqual(self.status("/none", TOKEN, page=True), 404)

    def test_no_service_and_no_program_is_reached_without_a_proof(self):
        self.start(
            *("--bearer-tokens", self.tokens, "--forward", "/f=tcp:127.0.0.1:5900"),
            *("--exec", "/x=/bin/cat", "--exec-binary", "/b=/bin/cat"),
        )
        for path in "/f", "/x", "/b", "/f/x":
            self.assertEqual(self.status(path), 401)
            self.assertEqual(self.status(f"{path}?access_token=abc"), 401)
        self.assertEqual(self.reactor.tcpClients, [])

    def test_so_are_paths_without_a_mount(self):
        self.start("--bearer-tokens", self.tokens, "--echo", "/echo")
        self.assertEqual(self.status("/none"), 401)
        self.assertEqual(self.status("/none", TOKEN), 404)

    def test_a_connection_that_was_let_in_for_a_page_needs_a_proof_for_a_websocket(self):
        (self.directory / "x").write_text("x")
        self.start("--bearer-tokens", self.tokens, "--static", str(self.directory), "--echo")
        page = f"GET /none HTTP/1.1\r\nHost: localhost\r\n{TOKEN}\r\n\r\n".encode()
        answers = self.ask(page + REQUEST.replace(b"example.com", b"localhost"))
        self.assertIn(b"404 Not Found", answers)
        self.assertIn(b"401 Unauthorized", answers)
        self.assertNotIn(b"101 Switching", answers)

    def assertHealthIsForAll(self, *arguments):
        self.reactor.tcpServers.clear()
        self.start("--bearer-tokens", self.tokens, "--healthz", "--metrics", *arguments)
        self.assertEqual(self.status("/healthz", page=True), 200)
        self.assertEqual(self.status("/healthz?x=1", page=True), 200)
        head = b"HEAD /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
        self.assertIn(b" 200 OK", self.ask(head).partition(b"\r\n")[0])
        self.assertGuarded(TOKEN, path="/metrics", page=True)
        # Hosts are checked as for all pages.
        self.assertIn(b" 421 ", self.get("/healthz", host=b"evil.example"))
        # No WebSocket, and no path below it, is reached by the way of this page.
        self.assertNotEqual(self.status("/healthz"), 101)
        self.assertIn(self.status("/healthz/x"), (401, 404))
        self.assertIn(self.status("/healthz/x", page=True), (401, 404))

    def test_the_health_is_for_those_who_can_prove_nothing_and_the_metrics_are_not(self):
        self.assertHealthIsForAll()
        self.assertHealthIsForAll("--echo", "/a", "--echo", "/b")
        self.assertHealthIsForAll("--static", str(self.directory), "--echo", "/echo")

    def test_a_hook_of_an_application_is_not_asked_about_the_health_either(self):
        for arguments in [], ["--echo", "/echo"], ["--static", str(self.directory)]:
            self.reactor.tcpServers.clear()
            text = "tests.command.test_authentication:LOCKED"
            self.start("--app", f"/app={text}" if arguments else text, "--healthz", *arguments)
            self.assertEqual(self.status("/healthz", page=True), 200)
            self.assertEqual(self.status("/app"), 401)

    def test_the_status_page_has_a_password_of_its_own_for_all_that_it_loads(self):
        for arguments in [], ["--static", str(self.directory)]:
            self.reactor.tcpServers.clear()
            self.start("--bearer-tokens", self.tokens, "--status", *arguments)
            self.assertEqual(self.status("/status", page=True), 200)
            self.assertEqual(self.status("/.txws2/status.js", page=True), 200)
            self.assertEqual(self.status("/", page=True), 401)

    def test_a_factory_with_options_of_its_own_is_refused(self):
        text = "tests.command.test_authentication:FACTORY"
        self.assertCannotStart(
            f"{text} is a factory, and has its own options; --bearer-tokens would have no "
            "effect on it, so give it to the factory in your code",
            *("--app", text, "--bearer-tokens", self.tokens),
        )
        self.assertCannotStart(
            "--bearer-tokens would have no effect on the factory at '/own', which has its own "
            "options; give it a process_request in your code, or serve a handler instead of it",
            *("--app", f"/own={text}", "--echo", "--bearer-tokens", self.tokens),
        )
        self.assertIsNone(FACTORY.hooks)


class BackendTests(AuthenticationTestCase):
    def test_a_service_is_asked(self):
        self.start("--authorize", "http://127.0.0.1:9000/auth", "--authorize-name", "X-User")
        peer_takes = self.ask(REQUEST.replace(b"example.com", b"localhost"))
        self.assertEqual(peer_takes, b"")
        [(host, port, *_)] = self.reactor.tcpClients
        self.assertEqual((host, port), ("127.0.0.1", 9000))
        hook = self.reactor.tcpServers[0][1].hooks.process_request[0]
        self.assertEqual(hook._name_header, "X-User")
        self.reactor.advance(10)
        self.take_loud()

    def test_it_is_asked_only_about_those_who_have_a_password(self):
        self.start("--authorize", "http://127.0.0.1:9000/", "--bearer-tokens", self.tokens)
        self.assertEqual(self.status(), 401)
        self.assertEqual(self.reactor.tcpClients, [])


class MistakesTests(AuthenticationTestCase):
    def test_wrong_files_are_told(self):
        wrong = self.file("wrong", "ann:$apr1$x$y\n")
        self.assertCannotStart(
            f"--user-file: {wrong}:1: 'ann' has a hash of the kind apr1, which is MD5, and too "
            "fast to be safe; make it again by `htpasswd -B FILE NAME`, which uses bcrypt",
            *("--user-file", wrong),
        )
        self.assertCannotStart(
            f"--bearer-tokens: {wrong}:1: a token must have letters, digits and -._~+/ only, with "
            "= at its end, and a space before the name",
            *("--bearer-tokens", wrong),
        )
        for option in "--user-file", "--bearer-tokens":
            self.assertCannotStart(
                f"{option}: can't read '/none': No such file or directory", option, "/none"
            )

    def test_so_is_a_wrong_url(self):
        self.assertCannotStart(
            "--authorize: url must be one of http or https, as 'http://localhost:9000/auth'; it is "
            "'localhost'",
            *("--authorize", "localhost"),
        )

    def test_so_are_options_without_effect(self):
        self.assertCannotStart(
            "--query-tokens has no effect without --bearer-tokens; give both", "--query-tokens"
        )
        self.assertCannotStart(
            "--authorize-name has no effect without --authorize; give both",
            *("--authorize-name", "X-User"),
        )
        self.assertCannotStart(
            "--authorize-name must be the name of a header, as Remote-User; it is 'X User'",
            *("--authorize", "http://127.0.0.1/", "--authorize-name", "X User"),
        )
