"""The rooms of docs/house.csv: who may import whom, and what from outside."""

import ast
import csv
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.support.templates import Template

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "txws2"

FACE = "txws2"

# The packages of others are imported already, so that a process takes a fraction of the time.
FRESH = Template("import OpenSSL.SSL, twisted.internet.endpoints, twisted.internet.ssl")


def rooms():
    """Return the rows of the table, in order: each room, and what it imports from outside."""
    with (ROOT / "docs" / "house.csv").open() as table:
        rows = list(csv.DictReader(table))
    return {
        row["Package"].strip("`"): set(filter(None, row["Imports from outside"].split(", ")))
        for row in rows
    }


ROOMS = rooms()
ORDER = list(ROOMS)


@cache
def modules():
    """Return each module's name within the package, and its syntax tree."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        found.append((within(name.removesuffix(".__init__")), ast.parse(path.read_text())))
    return found


def within(name):
    return name.removeprefix("txws2.")


def room_of(module):
    """Return the room that a module is in: the one with the longest name."""
    found = [room for room in ROOMS if f"{module}.".startswith(f"{room}.")]
    return max(found, key=len, default=None)


@cache
def imports(tree):
    """Return the names that are imported anywhere: in functions and for type checkers, too."""
    found = []
    for statement in ast.walk(tree):
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                found.append((statement.module, f"{statement.module}.{alias.name}"))
        elif isinstance(statement, ast.Import):
            found += [(alias.name, alias.name) for alias in statement.names]
    return found


def graph():
    """Return the modules that each module imports."""
    trees = dict(modules())
    return {
        name: {
            within(full) if within(full) in trees else within(module)
            for module, full in imports(tree)
            if module.partition(".")[0] == "txws2"
        }
        - {name}
        for name, tree in trees.items()
    }


def trespasses(edges):
    """Return the imports that go against the table."""
    return [
        (name, imported)
        for name, targets in edges.items()
        for imported in sorted(targets)
        if ORDER.index(room_of(imported)) > ORDER.index(room_of(name))
        or (room_of(name), room_of(imported)) == ("client", "server")
    ]


def circle(edges):
    """Return the modules that import each other in a circle; none if there is no circle."""
    left = {name: set(targets) for name, targets in edges.items()}
    while ends := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in ends}
    return sorted(left)


class HouseTests(SynchronousTestCase):
    def test_every_module_is_in_a_room_and_every_room_has_modules(self):
        self.assertEqual({room_of(name) for name, _ in modules()}, set(ROOMS))

    def test_a_module_imports_only_from_its_own_room_and_from_those_above(self):
        self.assertEqual(trespasses(graph()), [])

    def test_no_modules_import_each_other_in_a_circle(self):
        self.assertEqual(circle(graph()), [])

    def test_an_import_against_the_table_is_found_wherever_it_is_made(self):
        for statement in (
            "from txws2.server import serve",
            "import txws2.server.server",
            "if TYPE_CHECKING:\n    from txws2.server.server import Server",
            "def f():\n    from txws2.server.server import Server",
        ):
            edges = graph()
            added = {within(module) for module, _ in imports(ast.parse(statement))}
            edges["client.dialer"] |= added
            self.assertEqual([name for name, _ in trespasses(edges)], ["client.dialer"])
        edges = graph()
        edges["wire.frames"].add("wire.connection")
        self.assertIn("wire.frames", circle(edges))

    def test_each_import_from_outside_is_in_the_table(self):
        for name, tree in modules():
            outside = {module.partition(".")[0] for module, _ in imports(tree)}
            outside -= {"txws2", *sys.stdlib_module_names, "annotationlib"}
            self.assertLessEqual(outside, ROOMS[room_of(name)], name)

    def test_at_the_top_there_are_at_most_25_rooms(self):
        here = [path for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()]
        self.assertLessEqual(len([path for path in here if path.name != "__pycache__"]), 25)


class LoadedTests(SynchronousTestCase):
    """An import of txws2 loads only the modules that it needs."""

    def loaded(self, program):
        # Old namespace packages, as zope is with Twisted 24.7, are there before any import.
        told = f"import sys; old = {{*sys.modules}}; {program}; print(*{{*sys.modules}} - old)"
        command = [sys.executable, "-c", told]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return set(done.stdout.split())

    def test_no_reactor(self):
        self.assertNotIn("twisted.internet.reactor", self.loaded("import txws2.tap"))

    def test_the_wire_loads_no_twisted(self):
        loaded = self.loaded("import txws2.wire.connection, txws2.wire.handshake.server")
        self.assertFalse(loaded & {"twisted", "zope", "OpenSSL"})
        loaded = self.loaded("import txws2; txws2.wire.connection.Connection")
        self.assertFalse(loaded & {"twisted", "zope", "OpenSSL"})

    def test_a_client_loads_no_server_and_no_site(self):
        loaded = self.loaded("import txws2; txws2.connect")
        self.assertFalse(loaded & {"txws2.server", "txws2.streams", "twisted.web.server"})

    def test_a_server_loads_no_client_and_no_site(self):
        loaded = self.loaded("import txws2; txws2.serve")
        self.assertFalse(loaded & {"txws2.client", "txws2.streams", "twisted.web.server"})


class NamesTests(SynchronousTestCase):
    def test_every_module_says_what_it_offers_in_order(self):
        for name, _ in modules():
            module = import_module("txws2" if name == FACE else f"txws2.{name}")
            offers = getattr(module, "__all__", [])
            if not offers:
                self.assertTrue(hasattr(module, "__path__"), name)
            self.assertEqual(list(offers), sorted(offers, key=_order), name)
            for offered in offers:
                self.assertTrue(hasattr(module, offered), f"{name}.{offered}")

    def test_type_checkers_see_the_public_names_where_they_are_imported_from(self):
        seen = {
            alias.name: statement.module
            for statement in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text()))
            if isinstance(statement, ast.ImportFrom) and statement.module.startswith("txws2.")
            for alias in statement.names
        }
        self.assertEqual(seen, txws2._PACKAGE_OF)
        self.assertEqual(set(seen), set(txws2.__all__))

    def test_import_txws2_is_enough_for_the_documented_packages_and_modules(self):
        for program in (
            "try: raise KeyError\nexcept (txws2.exceptions.ServerClosing, KeyError): pass",
            "txws2.client.Dialer",
            "txws2.server.Upgrade",
            "txws2.streams.ByteStream",
            "txws2.interfaces.Presence",
            "txws2.wire.connection.Connection",
            "txws2.wire.counts.Tally",
            "txws2.wire.events.Ping",
            "txws2.wire.frames.Opcode",
        ):
            self.assertEqual(FRESH.run(f"import txws2\n{program}").stderr, "", program)
        self.assertLessEqual({"client", "exceptions", "wire"}, set(dir(txws2)))
        self.assertLessEqual({"connection", "events"}, set(dir(txws2.wire)))

    def test_the_first_use_of_a_name_waits_for_another_thread_that_imports_one(self):
        program = """if True:
            import sys
            from threading import Thread, Event
            import txws2

            began = Event()

            class Imports:
                # While one thread imports the package client, another one uses a name of streams.
                def find_spec(self, name, *_):
                    if name == "txws2.streams":
                        began.set()
                    if name == "txws2.client.authentication":
                        other.start()
                        print("both at once" if began.wait(0.5) else "one after the other")

            other = Thread(target=lambda: txws2.WebSocketClientEndpoint)
            sys.meta_path.insert(0, Imports())
            txws2.connect
            other.join()
            print(began.is_set())
        """
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr), ("one after the other\nTrue\n", ""))

    def test_there_is_no_other_name(self):
        with self.assertRaisesRegex(AttributeError, "has no attribute 'sevre'"):
            txws2.sevre  # noqa: B018
        with self.assertRaisesRegex(AttributeError, "has no attribute 'conection'"):
            txws2.wire.conection  # noqa: B018
        self.assertLessEqual(set(txws2.__all__), set(dir(txws2)))


def _order(name):
    # As ruff has it: constants, classes, then the rest.
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
