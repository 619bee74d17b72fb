"""The types and ranges of options; the errors name the expected and the actual value."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase as TestCase

from txws2._checks.kinds import (
    check_count,
    check_flag,
    check_path,
    check_reactor,
    check_seconds,
    shown,
)


class Index:
    def __index__(self):
        return 7


class KindTests(TestCase):
    def told(self, kind, function, *arguments, **options):
        return str(self.assertRaises(kind, function, *arguments, **options))

    def test_a_count_is_a_whole_number_in_its_range(self):
        for value in (0, 5, None, Index()):
            check_count("max_size", value, 0)
        for value in ("1MB", 1.5, 1e6, True, b"5", [5], float("nan"), Decimal(5)):
            told = self.told(TypeError, check_count, "max_size", value, 0)
            expected = f"max_size must be an int, at least 0, or None; it is {shown(value)}"
            self.assertEqual(told, expected)
        self.assertEqual(
            self.told(ValueError, check_count, "max_size", -1, 0),
            "max_size must be at least 0, or None; it is -1",
        )
        for value in (65536, -1):
            told = self.told(ValueError, check_count, "port", value, 0, 65535, optional=False)
            self.assertEqual(told, f"port must be from 0 to 65535; it is {value}")
        told = self.told(TypeError, check_count, "port", None, 0, 65535, optional=False)
        self.assertEqual(told, "port must be an int, from 0 to 65535; it is None")
        self.told(ValueError, check_count, "port", Index(), 8, optional=False)

    def test_a_time_is_a_number_of_seconds_more_than_0_and_finite(self):
        for value in (0.5, 20, None, Fraction(1, 2)):
            check_seconds("ping_interval", value)
        for value in ("20", True, timedelta(seconds=20), 1j, Decimal(5)):
            told = self.told(TypeError, check_seconds, "ping_interval", value)
            expected = f"ping_interval must be a number of seconds, or None; it is {shown(value)}"
            self.assertEqual(told, expected)
        for value in (0, -1, float("nan"), float("inf")):
            told = self.told(ValueError, check_seconds, "ping_interval", value)
            expected = f"ping_interval must be more than 0 seconds, or None; it is {value}"
            self.assertEqual(told, expected)
        check_seconds("drain", 0, zero=True)
        told = self.told(ValueError, check_seconds, "drain", -1, zero=True)
        self.assertEqual(told, "drain must be at least 0 seconds, or None; it is -1")
        self.told(TypeError, check_seconds, "initial", None, optional=False)

    def test_a_path_begins_with_a_slash(self):
        check_path("/")
        check_path("/chat")
        told = self.told(ValueError, check_path, "chat")
        self.assertEqual(told, "path must begin with a slash, as '/chat'; it is 'chat'")
        self.told(ValueError, check_path, "")
        self.told(TypeError, check_path, None)
        self.told(TypeError, check_path, b"/chat")

    def test_a_flag_is_true_or_false(self):
        for value in (True, False, 0, 1):
            check_flag("debug", value)
        check_flag("debug", None, optional=True)
        for value in (None, "no", "", [], 2):
            told = self.told(TypeError, check_flag, "debug", value)
            self.assertEqual(told, f"debug must be True or False; it is {shown(value)}")

    def test_a_reactor_is_one_of_twisted(self):
        check_reactor(Clock())
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        self.assertIn("an event loop of asyncio", self.told(TypeError, check_reactor, loop))
        told = self.told(TypeError, check_reactor, "asyncio")
        self.assertIn("it is 'asyncio', of type str. Only run() takes names", told)
        self.assertIn("of type int", self.told(TypeError, check_reactor, 1))

    def test_the_wrong_value_is_shown_on_one_short_line(self):
        self.assertEqual(shown("1MB"), "'1MB', of type str")
        self.assertEqual(shown(None), "None")
        self.assertEqual(len(shown("\n" * 10**6)), len("..., of type str") + 80)

        class Lines:
            def __repr__(self):
                return "two\nlines"

        self.assertEqual(shown(Lines()), "two\\nlines, of type Lines")
