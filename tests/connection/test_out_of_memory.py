import os
import subprocess
import sys
from importlib.util import find_spec
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c

# Every allocation fails in turn, until a call needs no more.
WITHOUT_MEMORY = """
from _testcapi import remove_mem_hooks, set_nomemory
from txws2 import _speedups as c
from txws2.wire.connection import Connection

def fails(call):
    for number in range(1000):
        set_nomemory(number, number + 1)
        try:
            call()
        except MemoryError:
            failed = True
        else:
            failed = False
        finally:
            remove_mem_hooks()
        if not failed and number > 20:
            return

class Decoder(c.Decoder):
    def __init__(self):
        self.client = True

    def inflate_part(self, part, before, last):
        return part

def receive():
    decoder = Decoder()
    decoder.inflates = True
    for part in parts:
        decoder.decode(part, 0, [])
    decoder.held = b"\\x89"
    return decoder.held

def receive_parts():
    decoder = Decoder()
    for part in parts[:3]:
        decoder.decode(part, 0, [])
        if decoder.fragmented:
            decoder.take_part()

def receive_again():
    # It must do what makes sense, or raise an exception.
    position = kept.decode(parts[0], 0, [])
    assert 0 <= position <= len(parts[0]), position
    kept.held = b""

def cork():
    cork = c.Cork()
    for frame in frames:
        cork.add(frame)
    return cork.take()

class Outbox(c.Cork):
    def _transmit(self, frame):
        pass

class Exchange(c.Exchange):
    def __init__(self, client, corked):
        self.connection = Connection(client=client)
        self.outbox = Outbox()
        self.outbox.corked = corked
        self.receiver = self
        self.messageReceived = self.send_message

    def receive(self, data):
        pass

    hold_read = receive

    def read_ended(self):
        pass

    def control_received(self, opcode, payload):
        pass

    def ping_received(self, payload):
        pass

    def message_failed(self, exception):
        raise exception

    refuse = message_failed

def encode():
    # Not as a list: CPython's own debug builds don't survive one that can't grow.
    for message in sent:
        c.encode_message(message, True)

def exchange(client, corked, data):
    one = Exchange(client, corked)
    handle = c.Handle(one)
    handle.dataReceived(data)
    c.send_where_ready([handle], b"\\x81\\x00", True, 0)
    one.busy = True
    c.driver_of(handle).data_received(data)

def count():
    total, one = c.Tally(), c.Tally()
    one.count_out(9, 2**40, 2**40)
    one.encode("Hello")
    total.add(one)
    return total.frames_in, total.frames_out

def wait():
    queue = c.MessageQueue(None)
    try:
        for number, message in enumerate(sent * 5):
            (queue.put if number % 2 else queue.prepend)(message)
    finally:
        for _ in range(queue.waiting):
            queue.pop()

def receive_in_pull_style():
    queue = c.MessageQueue(None)
    one = Exchange(False, True)
    one.receiver = queue
    one.left_unread = lambda: None
    handle = c.Handle(one)
    handle.dataReceived(data)
    for message in sent:
        handle.send(handle.recv().result)

def step():
    queue = c.MessageQueue(None)
    for message in sent:
        queue.put(message)
        try:
            next(anext(queue))
        except StopIteration:
            pass

frames = [bytes(size) for size in (1, 2, 2000)]
sent = ["Hello", "x" * 1000, "\\u20ac" * 1000, b"Hello", bytes(1000)]
data = b"".join(c.encode_message(message, True) for message in sent)
unmasked = b"".join(c.encode_message(message, False) for message in sent)
bad = c.encode_frame(1, b"\\xff" * 100, masked=True)
parts = [
    c.encode_frame(1, b"a\\xe2\\x82", masked=False, fin=False),
    c.encode_frame(0, b"\\xac" + bytes(1000), masked=False, fin=False),
    c.encode_frame(0, b"b" * 1000, masked=False)[:1000],
    b"b" * 4 + b"\\x82",
    c.encode_frame(2, bytes(1000), masked=False)[1:],
    c.encode_frame(2, bytes(1000), masked=False, rsv1=True),
    c.encode_frame(1, b"ab", masked=False, fin=False, rsv1=True),
    c.encode_frame(0, b"cd", masked=False),
]
spread = memoryview(data)[::2]
kept = Decoder()

fails(lambda: c.apply_mask(data, b"abcd"))
fails(lambda: c.apply_mask(spread, b"abcd"))
fails(lambda: c.encode_frame(2, data, masked=True))
fails(lambda: c.encode_frame(2, spread, masked=True, fin=False))
fails(encode)
fails(lambda: Decoder().decode(unmasked, 0, []))
fails(count)
for corked in (False, True):
    fails(lambda: exchange(False, corked, data))
    fails(lambda: exchange(True, corked, unmasked))
fails(lambda: exchange(False, True, data[:-1]))
fails(lambda: exchange(False, True, c.encode_frame(9, b"ping", masked=True) + b"\\x81"))
fails(wait)
fails(step)
receive_in_pull_style()
fails(receive_in_pull_style)
fails(cork)
fails(lambda: c.split_request(b"GET / HTTP/1.1\\r\\nA: 1\\r\\nB: \\xe9\\r\\na: 2\\r\\nA: 3"))
fails(lambda: c.split_request(spread))
fails(lambda: c.end_of_head(spread, 300, 1))
fails(receive)
fails(receive_parts)
fails(receive_again)
"""


@in_c
@skipIf(find_spec("_testcapi") is None, "this Python was built without _testcapi")
class WithoutMemoryTests(TestCase):
    def test_an_allocation_that_fails_is_an_exception(self):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        # A free-threaded Python warns that the accelerator turns its GIL on.
        command = [sys.executable, "-W", "ignore", "-c", WITHOUT_MEMORY]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
