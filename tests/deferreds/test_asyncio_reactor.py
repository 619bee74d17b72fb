"""Reactors by name. A process has one reactor, so each program here has a process of its own."""

import re
from importlib.util import find_spec

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.templates import Template

MAIN = """
import asyncio
from sys import modules
from txws2 import connect, run, serve
from txws2._connection import factory

async def main(reactor):
    print(type(reactor).__name__)

def report(reactor):
    async def left():
        try:
            await asyncio.Event().wait()
        finally:
            print("cancelled")

    async def begin():
        reactor.left = asyncio.create_task(left())
        print(type(asyncio.get_running_loop()).__module__.split(".")[0])
        await asyncio.sleep(0)

    from twisted.internet.defer import Deferred
    return Deferred.fromFuture(asyncio.ensure_future(begin()))
"""

IMPORT = "from twisted.internet import reactor\n"
INSTALL = "from twisted.internet import asyncioreactor\nasyncioreactor.install()\n"
# It shows ResourceWarnings.
TEMPLATE = Template("import asyncio; from txws2 import connect, run, serve", "-X", "dev")
NOT_HERE = "import sys\nsys.modules['uvloop'] = None\n"


class ReactorsTests(SynchronousTestCase):
    def assertSays(self, text, *words):
        done = TEMPLATE.run(text)
        self.assertEqual(done.stdout.split(), list(words), done.stderr)
        self.assertNotRegex(done.stderr, "Error|ResourceWarning|destroyed")

    def assertEndsWith(self, text, pattern):
        done = TEMPLATE.run(text)
        said = re.findall("^\\w+Error: .*", done.stderr, re.MULTILINE)
        self.assertRegex(said[-1], pattern)
        self.assertEqual(done.returncode, 1)

    def need_uvloop(self):
        if find_spec("uvloop") is None:
            raise SkipTest("uvloop is not installed")

    def test_asyncio_has_its_own_loop_and_it_ends_as_that_of_asyncio_run(self):
        self.assertSays(f"{MAIN}\nrun(report, reactor='asyncio')", "asyncio", "cancelled")

    def test_the_program_stays_in_memory_whatever_it_waits_for(self):
        self.assertSays(
            f"{MAIN}\nimport gc, weakref\nfrom twisted.internet.defer import Deferred\n"
            "async def waiting(reactor):\n"
            "    deferred = Deferred()\n"
            "    reference = weakref.ref(deferred)\n"
            "    reactor.callLater(0, gc.collect)\n"
            "    reactor.callLater(0.01, lambda: (reference() or Deferred()).callback(None))\n"
            "    reactor.callLater(10, reactor.stop)\n"
            "    await deferred\n"
            "    print('done')\n"
            "run(waiting, reactor='asyncio')",
            "done",
        )

    def test_uvloop_does_so_too(self):
        self.need_uvloop()
        self.assertSays(f"{MAIN}\nrun(report, reactor='uvloop')", "uvloop", "cancelled")

    def test_one_that_is_installed_already_is_run(self):
        name = "AsyncioSelectorReactor"
        self.assertSays(f"{INSTALL}{MAIN}\nrun(main, reactor='asyncio')", name)
        self.assertSays(f"{INSTALL}{MAIN}\nrun(main)", name)

    def test_uvloop_is_so_with_its_loop_only(self):
        self.need_uvloop()
        more = f"{MAIN}\nrun(main, reactor='uvloop')"
        its = INSTALL.replace("install()", "install(__import__('uvloop').new_event_loop())")
        self.assertSays(its + more, "AsyncioSelectorReactor")
        wrong = (
            r"AsyncioSelectorReactor with a \w+ is installed.*install\(uvloop.new_event_loop\(\)\)"
        )
        self.assertEndsWith(INSTALL + more, wrong)

    def test_another_that_is_installed_is_named_and_so_is_who_has_imported_it(self):
        text = f"{IMPORT}{MAIN}\nrun(main, reactor='asyncio')"
        self.assertEndsWith(
            text, r"RuntimeError: .*too late: \w+Reactor is .* in __main__\. Import"
        )
        text = f"import twisted.internet.reactor\n{MAIN}\nrun(main, reactor='asyncio')"
        self.assertEndsWith(text, r"RuntimeError: .*`\. Import .*; asyncioreactor.install\(\)`$")

    def test_the_error_for_a_wrong_name_lists_the_right_ones(self):
        text = f"{MAIN}\nrun(main, reactor='gevent')"
        self.assertEndsWith(text, """ValueError: .*"asyncio", "uvloop", or .*; it is 'gevent'.*""")

    def test_without_uvloop_it_says_what_to_install(self):
        text = f"{NOT_HERE}{MAIN}\nrun(main, reactor='uvloop')"
        self.assertEndsWith(text, "ImportError: .*not installed here: pip install uvloop")

    def test_run_where_asyncio_runs_already_says_where_to_call_it(self):
        for reactor in "None", "'asyncio'":
            text = f"{MAIN}\nasync def wrong(): run(main, reactor={reactor})\nasyncio.run(wrong())"
            self.assertEndsWith(
                text, "RuntimeError: .*from the top of the program instead of asyncio"
            )

    def test_serve_and_connect_where_asyncio_runs_without_the_reactor_say_how(self):
        for call in "serve(print, 'localhost', 0)", "connect('ws://127.0.0.1:9/')":
            for before in "", IMPORT, INSTALL:
                text = f"{before}{MAIN}\nasync def wrong(): await {call}\nasyncio.run(wrong())"
                self.assertEndsWith(text, "RuntimeError: .*call txws2.run.main, reactor=.asyncio..")

    def test_a_reactor_that_runs_on_that_loop_is_right(self):
        self.assertSays(
            f"{MAIN}\nasync def right():\n"
            "    from twisted.internet import asyncioreactor\n"
            "    asyncioreactor.install(asyncio.get_running_loop())\n"
            "    print(type(factory.global_reactor()).__name__)\n"
            "asyncio.run(right())",
            "AsyncioSelectorReactor",
        )

    def test_a_reactor_that_runs_in_another_thread_is_right(self):
        self.assertSays(
            f"{IMPORT}{MAIN}\n"
            "async def right(): factory.global_reactor(); reactor.callFromThread(reactor.stop)\n"
            "reactor.callInThread(asyncio.run, right())\n"
            "reactor.run()"
        )

    def test_the_imports_of_run_install_no_reactor(self):
        self.assertSays(
            "import sys, txws2.server.program\nprint('twisted.internet.reactor' in sys.modules)",
            "False",
        )
