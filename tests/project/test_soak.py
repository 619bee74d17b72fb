"""A million messages leave memory flat. `make soak` runs this; the other tests don't."""

from pathlib import Path
from resource import getpagesize
from unittest import SkipTest

import pytest

from tests.support.exchanges import exchange_of
from tests.support.twins import PURE, load

pytestmark = [
    pytest.mark.soak,
    pytest.mark.parametrize("twins", ["Python", "C"], indirect=True),
]

MESSAGES = ["Hello", b"Hello", "", "héllo €" * 20, "x" * 300, bytes(1000), "\x7f", b"\xff" * 125]
ROUNDS = 10
TIMES = 1_000_000 // (ROUNDS * len(MESSAGES))
SLACK = 2**20


@pytest.fixture
def twins(request):
    module = load()
    if request.param == "Python":
        return PURE
    if module is None:
        raise SkipTest("the accelerator isn't there, or isn't wanted")
    return vars(module)


def resident():
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


def stays_flat(work):
    """After a first round, memory grows no more."""
    work()
    before = resident()
    for _ in range(ROUNDS - 1):
        work()
    assert resident() - before < SLACK


def test_a_million_messages(twins):
    encode, decode = twins["encode_message"], twins["decode_messages"]

    def work():
        for _ in range(TIMES):
            for masked in (False, True):
                data = b"".join([encode(message, masked) for message in MESSAGES])
                messages = []
                assert decode(data, 0, masked, 2**20, messages) == len(data)
            assert messages == MESSAGES

    stays_flat(work)


def test_a_million_echoes(twins):
    example = exchange_of(twins["Exchange"], twins["Cork"])
    data = b"".join(twins["encode_message"](message, True) for message in MESSAGES)

    def work():
        exchange = example(client=False)
        exchange.messageReceived = exchange.sendMessage
        for _ in range(TIMES):
            exchange.dataReceived(data + b"\x81")
            exchange.dataReceived(b"\x80" + bytes(4))
            exchange.writes.clear()

    stays_flat(work)


def test_a_million_compressed_messages(twins):
    encode, take = twins["encode_frame"], twins["take_compressed"]
    payloads = [bytes(size) for size in (0, 5, 125, 126, 1000)]
    frames = [encode(1, payload, masked=True, rsv1=True) for payload in payloads]

    def work():
        for _ in range(1_000_000 // (ROUNDS * len(frames))):
            for frame, payload in zip(frames, payloads, strict=True):
                assert take(frame, 0, True, 2**20) == (1, payload, len(frame))
                assert take(frame, 1, True, 2**20) is None

    stays_flat(work)


def test_a_hundred_thousand_that_are_wrong(twins):
    mask, encode = twins["apply_mask"], twins["encode_frame"]
    bad = encode(1, b"good \xff", masked=True)

    def fails(function, *args):
        with pytest.raises((TypeError, ValueError)):
            function(*args)

    def work():
        for _ in range(100_000 // ROUNDS):
            assert twins["decode_messages"](bad, 0, True, None, []) == 0
            fails(twins["decode_messages"], bad, 99, True, None, [])
            fails(twins["encode_message"], "\ud800", True)
            fails(mask, memoryview(bad)[::2], b"abc")
            fails(mask, "Hello", b"abcd")

    stays_flat(work)


def test_ten_thousand_large_payloads(twins):
    parts = [bytes(50_000)] * 6

    def work():
        for number in range(10_000 // ROUNDS):
            buffer = twins["PayloadBuffer"](300_000, b"\0\0\0\0" if number % 2 else None)
            for part in parts[: number % 7]:
                buffer.add(part)
            if number % 3:
                assert len(buffer.finish()) == 50_000 * (number % 7)

    stays_flat(work)
