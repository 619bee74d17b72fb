"""The steps of a decoder, of either twin."""

from tests.support.tallies import counted
from txws2.wire.deflater import Inflater
from txws2.wire.exceptions import PayloadTooBig, ProtocolError


class Steps:
    """The reads of a decoder, and all that comes of each."""

    def __init__(self, kind, masked, max_size, max_fragments, taking):
        class Example(kind):
            """A decoder that inflates."""

            def __init__(self):
                super().__init__()
                self.inflater = Inflater(15, True)

            def inflate_part(self, part, before, last):
                room = None if max_size is None else max_size - before
                if last:
                    return self.inflater.finish(room, part)
                return self.inflater.inflate(part, room)

        self.decoder = Example()
        self.decoder.client, self.decoder.inflates = not masked, True
        self.decoder.max_size, self.decoder.max_fragments = max_size, max_fragments
        self.taking = taking
        self.over = False

    def read(self, data):
        """Return all that can be seen of a read, until a frame is left."""
        if self.over:
            return None
        decoder, messages = self.decoder, []
        try:
            result = decoder.decode(data, 0, messages)
            self.over = result < len(data)
        except (ProtocolError, PayloadTooBig) as exc:
            result = type(exc), str(exc), exc.code
            self.over = True
        part = None
        if self.taking and decoder.unfinished and not self.over:
            part = decoder.take_part()
        # After an error, it doesn't matter whether the message that it was in is taken for begun.
        state = decoder.missing, decoder.fragmented, decoder.held, counted(decoder)
        kinds = [type(message) for message in messages]
        kept = None if isinstance(result, tuple) else state
        return result, messages, kinds, part, decoder.unfinished, kept
