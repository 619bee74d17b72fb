"""Numbers on a command line, with units and without."""

from math import inf

from twisted.trial.unittest import SynchronousTestCase

from txws2._checks.quantities import count, duration, size


class QuantityTests(SynchronousTestCase):
    def assertReads(self, quantity, texts):
        for text, number in texts.items():
            read = quantity(text)
            self.assertEqual(read, number, text)
            self.assertIs(type(read), type(number), text)

    def assertRefuses(self, quantity, *texts):
        for text in texts:
            error = self.assertRaises(ValueError, quantity, text)
            self.assertEqual(str(error), f"must be {quantity.expected}; it is {text!r}")

    def test_a_size_is_bytes_or_has_a_unit_of_1000_or_of_1024(self):
        self.assertReads(
            size(),
            {
                "0": 0,
                "65536": 65536,
                "1_000_000": 10**6,
                "5b": 5,
                "1KB": 1000,
                "1K": 1024,
                "64KiB": 65536,
                "1MB": 10**6,
                "2M": 2 * 2**20,
                "1 mib": 2**20,
                " 1gb ": 10**9,
                "1G": 2**30,
                "1.5M": 3 * 2**19,
                ".5k": 512,
                "1.MiB": 2**20,
            },
        )

    def test_a_time_is_seconds_or_has_a_unit(self):
        self.assertReads(
            duration(),
            {
                "10": 10.0,
                "2.5": 2.5,
                "1e3": 1000.0,
                "10s": 10.0,
                "500ms": 0.5,
                "0.5 S": 0.5,
                "1m": 60.0,
                "5min": 300.0,
                "2h": 7200.0,
                "0": 0.0,
            },
        )

    def test_a_count_has_no_unit(self):
        self.assertReads(count("headers"), {"1": 1, "1_000": 1000})
        self.assertRefuses(count("headers"), "0", "1K", "1s", "1.5", "-1")

    def test_an_unreadable_quantity_is_refused_with_the_expected_form(self):
        for text in (
            "",
            "x",
            "-1",
            "+-1",
            "nan",
            "inf",
            "-inf",
            "none",
            "1 2",
            "1__0",
            "_1",
            "²",
            "٣",
        ):
            self.assertRefuses(size(), text)
            self.assertRefuses(duration(), text)
        self.assertRefuses(size(), "1.5", "1XB", "10s", "1MBs", "0.3KB5")
        self.assertRefuses(duration(), "1MB", "1d", "1h30m", "10 s s")

    def test_a_number_above_every_limit_is_refused(self):
        for text in "9" * 30, "9" * 400, "9" * 5000, "1e99":
            self.assertRefuses(size(), text)
            self.assertRefuses(duration(), text)
        self.assertRefuses(size(), "1e999999999")

    def test_a_limit_may_have_to_be_more_than_nothing(self):
        self.assertRefuses(duration(beyond=True), "0", "0ms", "0.0")
        self.assertRefuses(size(least=1), "0", "0MB")
        self.assertEqual(
            duration(beyond=True).expected,
            "a number of seconds, more than 0, as 10, 10s, 500ms or 2m",
        )
        self.assertEqual(
            size(least=1).expected, "a number of bytes, at least 1, as 65536, 64KiB or 1MB"
        )

    def test_a_word_may_stand_for_a_value(self):
        unlimited = size(words={"none": None})
        for text in "none", "None", " NONE ":
            self.assertIsNone(unlimited(text))
        self.assertTrue(unlimited.expected.endswith(", or none"))
        self.assertEqual(duration(words={"inf": inf})("inf"), inf)
