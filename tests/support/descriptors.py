"""The part of a reactor that knows who reads and who writes."""

__all__ = ["Descriptors"]


class Descriptors:
    """Keeps the readers and the writers; whoever has it asks them, or doesn't."""

    def __init__(self):
        super().__init__()
        self.readers, self.writers = set(), set()

    def addReader(self, reader):
        self.readers.add(reader)

    def removeReader(self, reader):
        self.readers.discard(reader)

    def addWriter(self, writer):
        self.writers.add(writer)

    def removeWriter(self, writer):
        self.writers.discard(writer)
