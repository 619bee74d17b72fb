"""The decoder in Python and in C does the same with any bytes, and never keeps too much.

The messages don't depend on the cuts between reads.
"""

from tests.fuzz.choices import Choices, cut
from tests.support.decoders import Steps
from tests.support.twins import PURE, load

LIMITS = [None, 0, 16, 1000, 2**16]
FRAGMENTS = [None, 1, 3]
TWINS = [PURE["Decoder"], *([load().Decoder] if load() is not None else [])]


def target(data):
    choices = Choices(data)
    masked, taking = choices.flag(), choices.flag()
    limits = choices.one_of(LIMITS), choices.one_of(FRAGMENTS)
    sizes = choices.sizes()
    reads = cut(choices.rest(), sizes)
    seen = [_seen(kind, reads, masked, *limits, taking) for kind in TWINS]
    assert all(each == seen[0] for each in seen), seen
    whole = _messages(_seen(TWINS[-1], [b"".join(reads)], masked, *limits, False))
    if not taking:
        apart = _messages(seen[-1])
        assert apart == whole, f"{apart} if cut, but {whole}"


def _seen(kind, reads, masked, max_size, max_fragments, taking):
    steps = Steps(kind, masked, max_size, max_fragments, taking)
    seen = [steps.read(read) for read in reads]
    unfinished = steps.decoder.unfinished
    assert max_size is None or unfinished <= max_size, f"{unfinished} bytes are kept"
    return seen


def _messages(seen):
    return [message for step in seen if step is not None for message in step[1]]
