"""The pages on hooks, routing and authentication show code that works."""

import sys
from pathlib import Path

import twisted.internet.threads
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.printed import PrintedTestCase
from txws2.server.sha_crypt import sha_crypt
from txws2.testing import joined


def python(name):
    return blocks(Path(ROOT, "docs", "howto", f"{name}.rst").read_text(), "python")


[HOOKS] = python("hooks")
ROUTES, GUARDED, PUSH = python("routing")
PASSWORD, USERS, TOKENS, TOKEN, BACKEND, SITE, ORIGINS, HOSTS = python("authentication")
DATABASE = Path(ROOT, "docs", "examples", "authentication", "database.py").read_text()

# The token of the page.
GIVEN = "c2VjcmV0LW9mLWFkYQ"


class PageTestCase(PrintedTestCase):
    def hello(self, handler, uri="ws://example.com/", cookie="", **options):
        """Open a connection; return it, and the first message on it."""
        both = joined(handler, uri=uri, additional_headers={"Cookie": cookie}, **options)
        return both.client, both.result_of(both.client.recv())

    def assertRefused(self, status, *arguments, **options):
        error = self.assertRaises(txws2.InvalidStatus, self.hello, *arguments, **options)
        self.assertEqual(error.response.status_code, status)
        return error.response


class HooksPageTests(PageTestCase):
    def test_users_are_distinguished_and_others_refused(self):
        self.run_printed(HOOKS)
        [(handler, _, options)] = self.served
        client, hello = self.hello(handler, cookie="session=42", **options)
        self.assertEqual(hello, "Hello, Ada!")
        self.assertIn("seen=yes; Max-Age=3600;", client.response.headers["Set-Cookie"])
        response = self.assertRefused(403, handler, **options)
        self.assertIn("seen=yes;", response.headers["Set-Cookie"])


class RoutingPageTests(PageTestCase):
    def test_some_paths_are_guarded(self):
        self.run_printed(GUARDED)
        [(handler, _, _)] = self.served
        for user, path in (("", "chat"), ("root:secret@", "admin"), ("root:secret@", "%61dmin")):
            _, hello = self.hello(handler, f"ws://{user}example.com/{path}/lobby")
            self.assertEqual(hello, "You are in lobby.")
        for path in ("admin", "%61dmin"):
            self.assertRefused(401, handler, f"ws://example.com/{path}/lobby")

    def test_a_site_has_a_class_for_each_path(self):
        self.patch(twisted.internet, "reactor", self.clock)
        names = self.run_printed(PUSH)
        [(root, _, _)] = self.served
        for name in "Echo", "Chat":
            resource = root.children[name.lower().encode()]
            self.assertIs(resource.factory.create_protocol, names[name])
            with joined(server=names[name]) as both:
                both.client.sendMessage("hello")
                self.assertEqual(both.result_of(both.client.recv()), "hello")


class AuthenticationPageTests(PageTestCase):
    @staticmethod
    async def greet(ws):
        await ws.send(f"Hello, {ws.username}!")

    def test_a_function_checks_passwords_in_a_database(self):
        self.patch(twisted.internet.threads, "deferToThread", maybeDeferred)
        self.addCleanup(Path("users.db").unlink)
        for arguments in ["ada", "secret"], []:
            self.patch(sys, "argv", ["database.py", *arguments])
            self.addCleanup(self.run_printed(DATABASE)["database"].close)
        [(handler, _, options)] = self.served
        self.assertEqual(self.hello(handler, "ws://ada:secret@a/", **options)[1], "Hello, ada!")
        for user in ("ada:guess@", "eve:secret@", ""):
            self.assertRefused(401, handler, f"ws://{user}a/", **options)

    def test_users_and_tokens_may_be_in_files(self):
        Path("users").write_text("ada:$6$salt$" + sha_crypt("6", b"secret", b"salt"))
        Path("tokens").write_text("abc ada\n")
        self.addCleanup(Path("users").unlink)
        self.addCleanup(Path("tokens").unlink)
        self.run_printed(USERS)
        hooks = self.run_printed(TOKENS)
        for name, token in {"table": GIVEN, "file": "abc", "function": GIVEN}.items():
            hook = hooks[f"by_{name}"]
            self.assertRefused(401, self.greet, process_request=hook)
            both = joined(
                self.greet,
                additional_headers={"Authorization": f"Bearer {token}"},
                uri="ws://example.com/",
                process_request=hook,
            )
            self.assertEqual(both.result_of(both.client.recv()), "Hello, ada!")

    def test_a_service_and_a_site(self):
        self.assertTrue(callable(self.run_printed(BACKEND)["members"]))
        self.run_printed(SITE)
        [(site, place, _)] = self.served
        self.assertIsInstance(site, txws2.GuardedResource)
        self.assertEqual(place, ("localhost", 8000))

    def test_a_token_is_in_a_cookie(self):
        self.run_printed(TOKEN)
        [(handler, _, options)] = self.served
        _, hello = self.hello(handler, cookie=f"token={GIVEN}", **options)
        self.assertEqual(hello, "Hello, ada!")
        self.assertRefused(401, handler, cookie="token=guess", **options)
        self.assertRefused(401, handler, **options)

    def test_origins_are_accepted_as_the_comments_say(self):
        options = self.run_printed(ORIGINS)["options"]
        for origin in (
            "http://a",
            "https://a",
            "https://example.com",
            "https://b.example.com",
            None,
        ):
            self.hello(self.greet, "ws://a/", origin=origin, **options)
        for origin in ("http://b", "http://example.com", "https://b.example.com.evil", "null"):
            self.assertRefused(403, self.greet, "ws://a/", origin=origin, **options)

    def test_hosts_are_answered_for_as_the_comments_say(self):
        options = self.run_printed(HOSTS)["options"]
        for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
            for origin in (None, f"http://{host}"):
                self.hello(self.greet, f"ws://{host}/", origin=origin, **options)
        for host in ("evil.example:8000", "192.0.2.1"):
            self.assertRefused(421, self.greet, f"ws://{host}/", origin=f"http://{host}", **options)


class ScriptTests(ExampleTestCase):
    async def visit(self, text, *users_and_paths):
        """Run a server; return what it says first at each of these."""
        port = free_port()
        self.run_block(text, port)
        await self.until_somebody_listens(port)
        said = []
        for user, path in users_and_paths:
            uri = f"ws://{user}localhost:{port}{path}"
            try:
                async with txws2.connect(uri, reactor=reactor) as ws:
                    await ws.send("hello")
                    said.append(await ws.recv())
            except txws2.InvalidStatus as exc:
                said.append(exc.response.status_code)
        return said

    async def test_each_path_has_its_handler(self):
        said = await self.visit(ROUTES, ("", "/echo"), ("", "/chat/caf%C3%A9"), ("", "/chat/"))
        self.assertEqual(said, ["hello", "You are in café.", 404])

    async def test_members_get_in_by_name_and_password(self):
        said = await self.visit(
            PASSWORD, ("ada:secret@", "/"), ("grace:hopper@", "/"), ("ada:hopper@", "/"), ("", "/")
        )
        self.assertEqual(said, ["Hello, ada!", "Hello, grace!", 401, 401])
