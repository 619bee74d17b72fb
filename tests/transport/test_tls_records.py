import sys

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws2._transport.tls_records import Records


def record(size, version=3, fill=0):
    return bytes([23, version, 3, size >> 8, size & 0xFF]) + bytes([fill]) * size


sizes = st.lists(st.integers(0, 300) | st.sampled_from([2**14, 2**14 + 256]), max_size=8)


class RecordsTests(SynchronousTestCase):
    def test_one_that_comes_as_it_is(self):
        records = Records()
        self.assertEqual(records.count(record(10)), 1)
        self.assertEqual(records.count(record(2**14 + 256)), 1)
        self.assertEqual(records.count(record(0)), 1)

    def test_several_in_one_piece(self):
        self.assertEqual(Records().count(record(10) + record(0) + record(300)), 3)

    def test_none(self):
        self.assertEqual(Records().count(b""), 0)

    def test_one_ends_with_its_last_byte(self):
        data = record(10)
        for cut in range(1, len(data)):
            records = Records()
            self.assertEqual(records.count(data[:cut]), 0)
            self.assertEqual(records.count(data[cut:]), 1)
            self.assertEqual(records.count(data), 1)

    def test_it_counts_byte_by_byte(self):
        records = Records()
        stream = record(1) + record(0) + record(258)
        ends = [at for at in range(len(stream)) if records.count(stream[at : at + 1])]
        self.assertEqual(ends, [5, 10, 273])

    @given(sizes=sizes, cuts=st.lists(st.integers(0, 2**16), max_size=6))
    def test_however_they_come_in_pieces_their_number_is_the_same(self, sizes, cuts):
        stream = b"".join(map(record, sizes))
        cuts = sorted(cut % (len(stream) + 1) for cut in cuts)
        records, number = Records(), 0
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            number += records.count(stream[begin:end])
        self.assertEqual(number, len(sizes))

    def test_what_is_within_one_may_look_like_one(self):
        inner = record(10)
        outer = record(len(inner) * 2)[:5] + inner + inner
        records = Records()
        self.assertEqual(records.count(outer[:5]), 0)
        self.assertEqual(records.count(inner), 0)
        self.assertEqual(records.count(inner), 1)

    def test_there_is_no_telling_after_what_is_none(self):
        for stream in (b"\x80\x2e\x01\x03\x03" + b"x" * 43, b"GET / HTTP/1.1", record(9, 2) * 2):
            records = Records()
            self.assertEqual(records.count(stream), sys.maxsize)
            self.assertEqual(records.count(record(10)), sys.maxsize)
        records = Records()
        self.assertEqual(records.count(record(10) + b"GET /"), sys.maxsize)
