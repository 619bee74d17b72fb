from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.wire.http.query import Query

SIZE = 64 * 1024


class QueryTests(TestCase):
    def assertFields(self, text, **expected):
        query = Query(text)
        self.assertEqual({name: query.get_all(name) for name in query}, expected)

    def test_fields_stand_apart_by_ampersands(self):
        self.assertFields("a=1&b=2", a=["1"], b=["2"])
        self.assertFields("&&a=1&", a=["1"])
        self.assertFields("a=1;b=2", a=["1;b=2"])

    def test_there_may_be_none(self):
        self.assertFields("")

    def test_a_field_may_have_several_values_and_the_first_is_the_one(self):
        query = Query("a=1&b=x&a=2")
        self.assertEqual(query["a"], "1")
        self.assertEqual(query.get_all("a"), ["1", "2"])

    def test_a_field_without_a_value_is_there_and_empty(self):
        self.assertFields("a&b=&=c", **{"a": [""], "b": [""], "": ["c"]})

    def test_it_is_decoded(self):
        self.assertFields("a%20b=c+d&e=%C3%A9&f=%26%3D%2B", **{"a b": ["c d"]}, e=["é"], f=["&=+"])

    def test_a_malformed_query_is_read_as_by_browsers(self):
        self.assertFields("a=%&b=%zz&c=%F&d=%ff", a=["%"], b=["%zz"], c=["%F"], d=["\ufffd"])

    def test_it_is_a_mapping(self):
        query = Query("a=1&b=2&a=3")
        self.assertEqual(dict(query), {"a": "1", "b": "2"})
        self.assertEqual(query.get("a"), "1")
        self.assertEqual(query.get("c", "x"), "x")
        self.assertIn("a", query)
        self.assertNotIn("c", query)
        self.assertEqual(len(query), 2)
        self.assertEqual(query.get_all("c"), [])
        self.assertRaises(KeyError, query.__getitem__, "c")

    def test_it_hands_out_copies(self):
        query = Query("a=1")
        query.get_all("a").append("2")
        self.assertEqual(query.get_all("a"), ["1"])

    def test_it_shows_what_it_has(self):
        self.assertEqual(repr(Query("a=1&a=2")), "<Query {'a': ['1', '2']}>")

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a client sends."""
        for shape in ("&", "=", "%", "+", "%2", "%25", "a=&", "%ff", "a", ";", "&="):
            Query(shape * (SIZE // len(shape)))

    @same_each_time
    @given(st.text(alphabet="ab&=%+;f0") | st.text())
    def test_any_query_is_read(self, text):
        query = Query(text)
        for name in query:
            self.assertEqual(query[name], query.get_all(name)[0])
