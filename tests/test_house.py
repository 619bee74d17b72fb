"""The floors of docs/house.rst: imports run only downward, and nobody imports the reactor early."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import txws2

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "txws2"

FLOORS = [
    {"escaping", "interfaces", "prerequisites", "speedups"},
    {
        "wire",
        "wire.accepting",
        "wire.additional",
        "wire.addresses",
        "wire.asking",
        "wire.body",
        "wire.bypass",
        "wire.challenges",
        "wire.closing",
        "wire.compression",
        "wire.connection",
        "wire.cookies",
        "wire.jar",
        "wire.credentials",
        "wire.deflate",
        "wire.digest",
        "wire.encoding",
        "wire.events",
        "wire.exceptions",
        "wire.fields",
        "wire.forwarded",
        "wire.frames",
        "wire.gathering",
        "wire.handshake",
        "wire.headers",
        "wire.hosts",
        "wire.http",
        "wire.keys",
        "wire.masking",
        "wire.messages",
        "wire.names",
        "wire.ordinary",
        "wire.origins",
        "wire.payload",
        "wire.proxies",
        "wire.query",
        "wire.redirecting",
        "wire.requesting",
        "wire.routes",
        "wire.shared",
        "wire.socks",
        "wire.statuses",
        "wire.tally",
        "wire.tunnel",
        "wire.uri",
        "wire.zlibs",
    },
    {"exceptions"},
    {
        "advice",
        "awaiting",
        "broadcasting",
        "causes",
        "clocks",
        "clocksettings",
        "cork",
        "counters",
        "deadlines",
        "decoding",
        "driver",
        "epoll",
        "exchange",
        "factory",
        "inbox",
        "journal",
        "isolation",
        "keepalive",
        "kinds",
        "loopless",
        "outbox",
        "pieces",
        "pings",
        "progress",
        "protocol",
        "reactors",
        "readthrough",
        "reading",
        "records",
        "remedies",
        "results",
        "settling",
        "sharing",
        "signatures",
        "streaming",
        "succession",
        "tasks",
        "threads",
        "tlsthrough",
        "guarding",
        "tracing",
        "transports",
        "unobserved",
        "waking",
        "writethrough",
    },
    {
        "admission",
        "answering",
        "authenticating",
        "authentication",
        "backoff",
        "calls",
        "cancelling",
        "certificates",
        "client",
        "connecting",
        "creating",
        "deciding",
        "dialing",
        "eyeballs",
        "forgotten",
        "handlers",
        "identity",
        "listening",
        "lookup",
        "opening",
        "proxy",
        "reconnecting",
        "retrying",
        "routing",
        "server",
        "serving",
        "stopping",
        "target",
        "timelimit",
        "tunnelling",
        "upgrade",
    },
    {
        "bytestream",
        "carrying",
        "clientservice",
        "descriptions",
        "quantities",
        "endpoints",
        "expecting",
        "failing",
        "metrics",
        "outgoing",
        "programs",
        "pulling",
        "resource",
        "reloading",
        "rooms",
        "running",
        "signals",
        "service",
        "wrapping",
    },
    {
        "__init__",
        "__main__",
        "arguments",
        "console",
        "conversation",
        "hints",
        "insecure",
        "lines",
        "loading",
        "recording",
        "refusals",
        "screen",
        "session",
        "stdio",
        "tap",
        "tapoptions",
        "testing",
        "testing.failures",
        "testing.globally",
        "testing.joining",
        "testing.network",
        "testing.scripted",
        "testing.steps",
        "watching",
    },
]


def floor_of(module):
    [floor] = [number for number, modules in enumerate(FLOORS) if module in modules]
    return floor


def modules():
    """Generate each module's name within the package, and its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def imports(statements):
    """Generate the modules that are imported when these statements are run."""
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)
            yield statement.module
        elif isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)


class HouseTests(SynchronousTestCase):
    def test_every_module_has_its_floor(self):
        self.assertEqual({name for name, _ in modules()}, set().union(*FLOORS))

    def test_imports_run_only_downward(self):
        for name, tree in modules():
            for imported in imports(tree.body):
                within = imported.removeprefix("txws2.")
                if within != imported and any(within in floor for floor in FLOORS):
                    self.assertLessEqual(floor_of(within), floor_of(name), f"{name}: {imported}")

    def test_the_picture_has_every_module(self):
        picture = (ROOT / "docs" / "house.rst").read_text().split("The way of a byte")[0]
        shown = set(re.findall(r"\w+", picture))
        for name, _ in modules():
            if "wire" not in name and name != "__init__":
                self.assertIn(name.rpartition(".")[2], shown)

    def test_the_wire_floor_knows_no_reactor_clock_transport_or_log(self):
        for name, tree in modules():
            if name.startswith("wire"):
                for imported in imports(ast.walk(tree)):
                    self.assertNotRegex(imported, r"^(twisted|OpenSSL|zope)\b", name)

    def test_importing_the_package_does_not_install_a_reactor(self):
        loaded = "import sys, txws2, txws2.tap; sys.exit('twisted.internet.reactor' in sys.modules)"
        subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=True)


class NamesTests(SynchronousTestCase):
    def test_every_module_says_what_it_offers_in_order(self):
        for name, _ in modules():
            if name not in ("wire", "__init__"):
                module = import_module(f"txws2.{name}")
                self.assertEqual(list(module.__all__), sorted(module.__all__, key=_order), name)
                for offered in module.__all__:
                    self.assertTrue(hasattr(module, offered), f"{name}.{offered}")

    def test_the_public_face_is_whole(self):
        for name in txws2.__all__:
            self.assertTrue(hasattr(txws2, name), name)


def _order(name):
    # As ruff has it: constants, classes, then the rest.
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)
