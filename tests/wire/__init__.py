"""Tests of the protocol itself; each file tests one module of txws2.wire."""

from hypothesis import HealthCheck, settings

# The examples are the same in every run, and no file is written: a test never depends on luck.
same_each_time = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    # Tests of a function with a twin in C run for both: one TestCase is a subclass of the other.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
