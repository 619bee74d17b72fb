"""The applications that `--app module:name` may name, and the errors about others."""

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from txws2._command.application import NoApplication, load_factory
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol

CHAT = """\
import txws2

async def handler(ws):
    pass

def function(ws):
    return None

class Chat(txws2.WebSocketServerProtocol):
    pass

class Room:
    async def enter(self, ws):
        pass

    def __call__(self, ws):
        pass

room = Room()
rooms = txws2.route({"/": handler})
factory = txws2.WebSocketServerFactory(handler, max_size=5)
number = 7
"""


class LoadTestCase(SynchronousTestCase):
    def setUp(self):
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.patch(sys, "path", sys.path[:])
        self.patch(sys, "dont_write_bytecode", True)

    def write(self, text, name="chat_of_a_test"):
        path = self.directory / f"{name}.py"
        path.write_text(text)
        self.addCleanup(sys.modules.pop, name, None)
        return path

    def load(self, name, **options):
        return load_factory(name, str(self.directory), **options)

    def assertRefused(self, name, text):
        """Assert that there is no such application, with this error in one line."""
        said = str(self.assertRaises(NoApplication, self.load, name))
        self.assertEqual(said, text)
        self.assertEqual(said.splitlines(), [said])


class ApplicationTests(LoadTestCase):
    def setUp(self):
        super().setUp()
        self.write(CHAT)

    def load_from_chat(self, name, **options):
        factory = self.load(f"chat_of_a_test:{name}", **options)
        self.assertIsInstance(factory, WebSocketServerFactory)
        return factory, sys.modules["chat_of_a_test"]

    def test_a_coroutine_function_is_the_handler(self):
        factory, chat = self.load_from_chat("handler")
        self.assertIs(factory.handler, chat.handler)

    def test_a_plain_function_is_the_handler(self):
        factory, chat = self.load_from_chat("function")
        self.assertIs(factory.handler, chat.function)

    def test_a_callable_object_is_the_handler(self):
        factory, chat = self.load_from_chat("room")
        self.assertIs(factory.handler, chat.room)

    def test_routes_are_the_handler_with_their_hooks(self):
        factory, chat = self.load_from_chat("rooms")
        self.assertIs(factory.handler, chat.rooms)
        self.assertIsNotNone(factory.hooks)

    def test_the_name_may_lead_through_attributes(self):
        factory, chat = self.load_from_chat("room.enter")
        self.assertEqual(factory.handler, chat.room.enter)

    def test_a_protocol_class_makes_the_connections(self):
        factory, chat = self.load_from_chat("Chat")
        self.assertIsInstance(factory.buildProtocol(None), chat.Chat)
        self.assertIsNone(factory.handler)

    def test_the_options_are_for_the_factory_that_is_made(self):
        for name in "handler", "Chat":
            self.assertEqual(self.load_from_chat(name, max_size=3)[0].max_size, 3)

    def test_a_factory_is_taken_as_it_is(self):
        factory, chat = self.load_from_chat("factory", max_size=3)
        self.assertIs(factory, chat.factory)
        self.assertEqual(factory.max_size, 5)

    def test_the_class_of_the_package_itself_can_be_named(self):
        factory = self.load("txws2:WebSocketServerProtocol")
        self.assertIs(type(factory.buildProtocol(None)), WebSocketServerProtocol)

    def test_the_directory_stays_importable_and_is_there_once(self):
        self.load_from_chat("handler")
        self.load_from_chat("Chat")
        self.assertEqual(sys.path.count(str(self.directory)), 1)

    def test_another_kind_is_refused(self):
        for name, shown in ("number", "7"), ("Room", "<class 'chat_of_a_test.Room'>"):
            self.assertRefused(
                f"chat_of_a_test:{name}",
                f"'chat_of_a_test:{name}' is {shown}; expected a handler coroutine, "
                "a subclass of WebSocketServerProtocol or a WebSocketServerFactory",
            )


class RefusalTests(LoadTestCase):
    def assertImportFails(self, text, reason):
        """Assert the error about a module with this text; {path} is the path of the module."""
        path = self.write(text)
        self.assertRefused(
            "chat_of_a_test:x", f"can't import 'chat_of_a_test': {reason.format(path=path)}"
        )

    def test_a_name_of_another_form(self):
        for name in "chat", "chat:", ":handler", "", ":":
            self.assertRefused(name, f"{name!r} isn't of the form module:name, as chat:handler")

    def test_a_missing_module(self):
        self.assertRefused(
            "missing_of_a_test:x",
            "can't import 'missing_of_a_test': "
            "ModuleNotFoundError: No module named 'missing_of_a_test', "
            f"neither in {self.directory} nor among the installed ones",
        )

    def test_a_misspelt_module(self):
        self.write(CHAT)
        error = self.assertRaises(NoApplication, self.load, "caht_of_a_test:handler")
        where = f"neither in {self.directory} nor among the installed ones"
        self.assertIn(f"{where}; is 'chat_of_a_test' meant?", str(error))

    def test_a_module_that_is_missing_in_a_package_that_exists(self):
        error = self.assertRaises(NoApplication, self.load, "txws2.nowhere:x")
        self.assertTrue(str(error).endswith("No module named 'txws2.nowhere'"), error)

    def test_a_misspelt_attribute(self):
        self.write(CHAT)
        for wrong, right in {"handle": "handler", "room.entr": "enter"}.items():
            self.assertRefused(
                f"chat_of_a_test:{wrong}",
                f"'chat_of_a_test' has no {wrong!r}; is {right!r} meant?",
            )

    def test_a_missing_attribute(self):
        self.write(CHAT)
        for name in "nobody", "room.nobody", "room.", ".room":
            self.assertRefused(f"chat_of_a_test:{name}", f"'chat_of_a_test' has no {name!r}")

    def test_an_error_in_the_module_with_its_place(self):
        self.assertImportFails(
            "a = 1\nb = a / 0\n", "{path}:2: ZeroDivisionError: division by zero"
        )

    def test_an_import_in_the_module_that_fails_with_its_place(self):
        self.assertImportFails(
            "\nimport nowhere_of_a_test\n",
            "{path}:2: ModuleNotFoundError: No module named 'nowhere_of_a_test'",
        )

    def test_a_script_that_ends_the_process_with_its_place(self):
        self.assertImportFails("import sys\nsys.exit(3)\n", "{path}:2: SystemExit: 3")

    def test_a_syntax_error_with_its_place(self):
        self.assertImportFails("a = 1\nb = = 2\n", "{path}:2: SyntaxError: invalid syntax")

    def test_an_error_of_several_lines_becomes_one(self):
        path = self.write("raise ValueError('one\\ntwo')\n")
        said = str(self.assertRaises(NoApplication, self.load, "chat_of_a_test:x"))
        self.assertIn(f"{path}:1: ValueError: one", said)
        self.assertIn("two", said)
        self.assertEqual(said.splitlines(), [said])

    def test_the_notes_of_an_error_are_not_taken_for_it(self):
        self.assertImportFails(
            "error = ValueError('one')\nerror.add_note('two')\nraise error\n",
            "{path}:3: ValueError: one",
        )

    def test_an_object_that_cannot_serve_connections_is_refused(self):
        self.write(
            "import txws2\nasync def old(ws, path): pass\n"
            "class Ported(txws2.WebSocketServerProtocol):\n"
            "    def onMessage(self, payload, isBinary): pass\n"
        )
        for name, told in (
            ("old", "can't be run: handler old(ws, path) can't be called with connection: "),
            ("Ported", "can't be run: Ported has hooks of another library"),
        ):
            said = str(self.assertRaises(NoApplication, self.load, f"chat_of_a_test:{name}"))
            self.assertIn(f"'chat_of_a_test:{name}' {told}", said)
            self.assertEqual(said.splitlines(), [said])
