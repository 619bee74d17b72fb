"""The choices at the beginning of an input: the options, and the sizes of reads."""

from itertools import cycle

MOST_READS = 64


class Choices:
    """The beginning of an input, taken byte by byte; missing bytes count as 0."""

    def __init__(self, data):
        self._data = data
        self._position = 0

    def number(self):
        self._position += 1
        return self._data[self._position - 1] if self._position <= len(self._data) else 0

    def flag(self):
        return self.number() % 2 == 1

    def one_of(self, options):
        return options[self.number() % len(options)]

    def sizes(self):
        """Return the sizes of reads, at most seven; `cut` uses them in turn."""
        return [self.number() + 1 for _ in range(self.number() % 8)]

    def rest(self):
        return self._data[self._position :]


def cut(data, sizes):
    """Cut the data into reads of these sizes; without sizes, there is one read."""
    if not sizes:
        return [data]
    reads = []
    # hypothesis tests reads of one byte; here they would cost most of the inputs per second.
    least = len(data) // MOST_READS
    position = 0
    for size in cycle(sizes):
        if position >= len(data):
            break
        reads.append(data[position : position + max(size, least)])
        position += len(reads[-1])
    return reads
