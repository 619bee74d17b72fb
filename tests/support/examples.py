"""Base of the tests of the documentation's examples."""

import re
import sys
from socket import socket
from textwrap import dedent

from twisted.application.internet import ClientService
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

from tests.command.test_commands import CommandTestCase

__all__ = ["ComparedTestCase", "ExampleTestCase", "blocks", "free_port", "until_somebody_listens"]


def blocks(text, language):
    """Return the code blocks of a language, without their indentation."""
    options = r"(?:\1 +:[\w-]+:.*\n)*"
    lines = r"(?:(?:\1 {3,}.*)?\n)+"
    pattern = rf"^( *)\.\. code-block:: {language}\n{options}\n({lines})"
    return [dedent(block) for _, block in re.findall(pattern, text, re.MULTILINE)]


def free_port():
    """Return the number of a free port."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ExampleTestCase(CommandTestCase):
    """Runs examples as scripts, on a free port."""

    def run_block(self, text, port):
        self.assertIn("8000", text)
        path = self.make_directory() / "example.py"
        path.write_text(text.replace("8000", str(port)))
        return self.start(sys.executable, str(path), path=str(path.parent))

    async def until_somebody_listens(self, port):
        await until_somebody_listens(port)


class ComparedTestCase(ExampleTestCase):
    """Runs the programs before and after of a page for those who come from another package.

    Attributes:
        examples: the folder of the programs.
        said: the lines that each client prints.
    """

    def run_program(self, name, port):
        return self.run_block((self.examples / name).read_text(), port)

    async def assertServesBoth(self, name):
        """Run a server and both clients; return the port."""
        port = free_port()
        self.run_program(name, port)
        await self.until_somebody_listens(port)
        clients = "before_client.py", "after_client.py"
        for client in [self.run_program(each, port) for each in clients]:
            await client.ended
            self.assertEqual((client.out, client.status), (self.said, 0), client.err)
        return port


async def until_somebody_listens(port):
    """Wait until a port accepts connections."""
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    trying = ClientService(endpoint, Factory.forProtocol(Protocol), lambda failures: 0.05)
    trying.startService()
    await trying.whenConnected()
    # A port can't be stopped within its own callback.
    await deferLater(reactor, 0)
    await trying.stopService()
