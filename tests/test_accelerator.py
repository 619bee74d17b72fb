import inspect
import json
import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c
from txws2 import _accelerator as speedups
from txws2._accelerator import PURE, about, accelerated, load
from txws2._connection import exchange, handle, message_queue
from txws2._deferreds import prompt
from txws2._transport import cork, lone_reader, tls_records
from txws2._transport import socket_reader as readthrough
from txws2.wire import counts as tally
from txws2.wire import decoder, frames, inflation, masking
from txws2.wire import whole_messages as ordinary
from txws2.wire.handshake import rules
from txws2.wire.http import fields, readers, request_heads

TWINS = {
    "Cork": cork,
    "Decoder": decoder,
    "Exchange": exchange,
    "Handle": handle,
    "Inflation": inflation,
    "MessageQueue": message_queue,
    "Prompt": prompt,
    "Records": tls_records,
    "Tally": tally,
    "accept_key": rules,
    "apply_mask": masking,
    "driver_of": handle,
    "encode_frame": frames,
    "encode_message": ordinary,
    "end_of_head": readers,
    "look_up": fields,
    "read_on": lone_reader,
    "read_request": readers,
    "read_through": readthrough,
    "send_where_ready": handle,
    "split_request": request_heads,
}


class LoadTests(TestCase):
    def test_it_may_be_unwanted(self):
        self.patch(os, "environ", {"TXWS2_NO_SPEEDUPS": "1"})
        self.assertIsNone(load())

    def test_it_may_be_missing(self):
        self.patch(os, "environ", {})
        self.patch(sys, "modules", sys.modules | {"txws2._speedups": None})
        self.assertIsNone(load())

    def test_another_module_may_be_missing(self):
        self.patch(os, "environ", {})
        self.assertIs(load("json"), json)
        self.assertIsNone(load("txws2.no_such_module"))
        self.patch(os, "environ", {"TXWS2_NO_SPEEDUPS": "1"})
        self.assertIsNone(load("json"))

    @in_c
    def test_nothing_in_the_variable_is_as_if_it_were_not_there(self):
        self.patch(os, "environ", {"TXWS2_NO_SPEEDUPS": ""})
        self.assertIsNotNone(load())


class AboutTests(TestCase):
    def about(self, module, environment=(), modules=()):
        self.patch(speedups, "_speedups", module)
        self.patch(os, "environ", dict(environment))
        self.patch(sys, "modules", sys.modules | dict(modules))
        return about()

    def test_it_is_used(self):
        self.assertEqual(self.about(json), "with the accelerator")

    def test_it_is_unwanted(self):
        told = self.about(None, {"TXWS2_NO_SPEEDUPS": "1"})
        self.assertEqual(told, "without the accelerator: TXWS2_NO_SPEEDUPS is set")

    def test_it_could_not_be_compiled(self):
        self.patch(speedups, "_ROOT", self.mktemp())
        told = self.about(None, modules={"txws2._speedups": None})
        expected = "without the accelerator: it couldn't be compiled when txws2 was installed"
        self.assertEqual(told, expected)

    def test_a_checkout_may_hide_the_one_that_is_installed(self):
        checkout = self.mktemp()
        os.makedirs(os.path.join(checkout, "accelerator"))
        self.patch(speedups, "_ROOT", checkout)
        told = self.about(None, modules={"txws2._speedups": None})
        self.assertIn("couldn't be compiled in this checkout", told)
        self.assertIn("in another directory, Python uses the txws2 that is installed", told)

    def test_it_can_not_be_loaded(self):
        def import_module(name):
            raise ImportError("undefined symbol: PyExample")

        self.patch(speedups, "import_module", import_module)
        self.assertEqual(self.about(None), "without the accelerator: undefined symbol: PyExample")


class AcceleratedTests(TestCase):
    def accelerated(self, module):
        def example():
            """An example."""

        self.patch(speedups, "_speedups", module)
        self.addCleanup(PURE.pop, "example")
        return example, accelerated(example)

    def test_the_twin_stands_in_for_it(self):
        class InC:
            def example():
                pass

        example, chosen = self.accelerated(InC)
        self.assertIs(chosen, InC.example)
        self.assertIs(PURE["example"], example)

    def test_without_a_twin_it_stays(self):
        example, chosen = self.accelerated(None)
        self.assertIs(chosen, example)
        self.assertIs(PURE["example"], example)


class TwinsTests(TestCase):
    def test_these_have_one(self):
        self.assertEqual(PURE.keys(), TWINS.keys())

    def test_the_modules_offer_what_was_chosen(self):
        module = load()
        for name, home in TWINS.items():
            expected = PURE[name] if module is None else getattr(module, name)
            self.assertIs(getattr(home, name), expected)

    def test_the_variable_decides_at_the_start(self):
        program = (
            "from txws2 import _accelerator\n"
            "from txws2.wire import masking\n"
            "assert masking.apply_mask is _accelerator.PURE['apply_mask']"
        )
        path = os.pathsep.join(sys.path)
        environment = os.environ | {"PYTHONPATH": path, "TXWS2_NO_SPEEDUPS": "1"}
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)

    @in_c
    def test_all_that_is_in_c_is_a_twin(self):
        offered = {name for name in vars(load()) if not name.startswith("__")}
        self.assertEqual(offered, PURE.keys())

    @in_c
    def test_they_have_the_same_signature(self):
        for name, ours in PURE.items():
            theirs = getattr(load(), name)
            self.assertEqual(self.parameters(theirs), self.parameters(ours))
            for method, function in vars(theirs).items() if isinstance(theirs, type) else ():
                if callable(function) and not method.startswith("__"):
                    # The first parameter is self, which has no name in C.
                    expected = self.parameters(getattr(ours, method))[1:]
                    self.assertEqual(self.parameters(function)[1:], expected)

    def parameters(self, function):
        found = inspect.signature(function).parameters.values()
        return [(each.name, each.kind, each.default) for each in found]

    @in_c
    def test_they_say_the_same(self):
        for name, pure in PURE.items():
            first = inspect.getdoc(pure).splitlines()[0]
            self.assertEqual(inspect.getdoc(getattr(load(), name)).splitlines()[0], first)
