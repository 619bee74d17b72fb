from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.exceptions import InvalidHeaderFormat
from txws2.wire.http.grammar import is_token, parse_extensions, parse_tokens

TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SIZE = 64 * 1024


def tokens(*values):
    return parse_tokens("Connection", values)


def complaint(parse, *args):
    try:
        parse(*args)
    except InvalidHeaderFormat as exc:
        return str(exc)
    return None


class IsTokenTests(TestCase):
    def test_these_characters_are_in_tokens_and_no_others(self):
        found = {chr(code) for code in range(0x250) if is_token(chr(code))}
        self.assertEqual(found, set(TOKEN))

    def test_a_token_has_a_character(self):
        self.assertFalse(is_token(""))

    def test_all_of_it_must_be_a_token(self):
        self.assertTrue(is_token(TOKEN))
        for text in ("a b", " a", "a ", "a\n", "a,", "\na"):
            self.assertFalse(is_token(text), msg=repr(text))


class ParseTokensTests(TestCase):
    def test_tokens_stand_apart_by_commas(self):
        self.assertEqual(tokens("keep-alive, Upgrade"), ["keep-alive", "Upgrade"])
        self.assertEqual(tokens("a,b\t,\tc"), ["a", "b", "c"])

    def test_the_lines_of_one_header_are_one_list(self):
        self.assertEqual(tokens("a, b", "c"), ["a", "b", "c"])

    def test_no_lines_are_no_tokens(self):
        self.assertEqual(tokens(), [])

    def test_empty_elements_are_ignored(self):
        for value in ("", " ", ",", " , ,, \t"):
            self.assertEqual(tokens(value), [], msg=repr(value))
        self.assertEqual(tokens(",a,, ,b,\t"), ["a", "b"])

    def test_an_invalid_token_is_refused_with_its_place(self):
        for value, wrong in (
            ("a b", "a comma at 2 in 'a b'"),
            ("a;b", "a comma at 1 in 'a;b'"),
            ('"a"', "a token at 0 in '\"a\"'"),
            ("a, @", "a token at 3 in 'a, @'"),
            ("a,\xa0b", "a token at 2 in 'a,\\xa0b'"),
            ("a\r\nb", "a comma at 1 in 'a\\r\\nb'"),
        ):
            expected = f"invalid Connection header: expected {wrong}"
            self.assertEqual(complaint(tokens, value), expected)

    def test_the_header_is_named(self):
        expected = "invalid X header: expected a token at 0 in ';'"
        self.assertEqual(complaint(parse_tokens, "X", [";"]), expected)


class ParseExtensionsTests(TestCase):
    def test_a_name_alone(self):
        self.assertEqual(parse_extensions(["foo"]), [("foo", [])])

    def test_the_examples_of_the_rfc(self):
        """Section 9.1."""
        self.assertEqual(
            parse_extensions(["deflate-stream", "mux; max-channels=4; flow-control"]),
            [("deflate-stream", []), ("mux", [("max-channels", "4"), ("flow-control", None)])],
        )
        self.assertEqual(
            parse_extensions(["private-extension, bar; baz=2"]),
            [("private-extension", []), ("bar", [("baz", "2")])],
        )

    def test_order_and_repetition_are_kept(self):
        expected = [("x", [("b", "1"), ("a", None), ("b", "2")]), ("x", [])]
        self.assertEqual(parse_extensions(["x;b=1;a;b=2,x"]), expected)

    def test_space_is_allowed_around_everything(self):
        expected = [("a", [("b", "c"), ("d", None)]), ("e", [])]
        self.assertEqual(parse_extensions([" a\t; b = c ;d , e "]), expected)

    def test_a_quoted_value_is_what_it_quotes(self):
        expected = [("a", [("b", "10"), ("c", "x")])]
        self.assertEqual(parse_extensions(['a; b="10"; c="x"']), expected)

    def test_a_backslash_in_quotes_is_not_part_of_the_value(self):
        self.assertEqual(parse_extensions([r'a; b="\1\0"']), [("a", [("b", "10")])])

    def test_a_mistake_is_refused_with_its_place(self):
        for value, wrong in (
            ("a;", "a token at 2 in 'a;'"),
            ("a; ;b", "a token at 3 in 'a; ;b'"),
            ("a;b=", "a token at 4 in 'a;b='"),
            ("a b", "a comma at 2 in 'a b'"),
            ("a=b", "a comma at 1 in 'a=b'"),
            ("a;b=c d", "a comma at 6 in 'a;b=c d'"),
            (";a", "a token at 0 in ';a'"),
            ('"a"', "a token at 0 in '\"a\"'"),
            ('a;b="c', "a token at 4 in 'a;b=\"c'"),
            ('a;b=""', "a token between the quotes at 4 in 'a;b=\"\"'"),
            ('a;b="c d"', "a token between the quotes at 4 in 'a;b=\"c d\"'"),
            ('a;b="c,d"', "a token between the quotes at 4 in 'a;b=\"c,d\"'"),
            (r'a;b="\""', r"""a token between the quotes at 4 in 'a;b="\\""'"""),
            ('a;b="é"', "a token between the quotes at 4 in 'a;b=\"é\"'"),
            ('a;b="\x00"', "a token at 4 in 'a;b=\"\\x00\"'"),
            ('a;b="\\é"', "a token at 4 in 'a;b=\"\\\\é\"'"),
        ):
            expected = f"invalid Sec-WebSocket-Extensions header: expected {wrong}"
            self.assertEqual(complaint(parse_extensions, [value]), expected)


class PathologicalTests(TestCase):
    """Attack 7: 64 KiB of text that makes a regular expression explode elsewhere."""

    def refused(self, value):
        self.assertRaises(InvalidHeaderFormat, parse_extensions, [value])
        self.assertRaises(InvalidHeaderFormat, tokens, value)

    def test_spaces_then_something_wrong(self):
        self.refused("a" + " " * SIZE + "b")
        self.refused(" " * SIZE + "@")
        self.refused("a;b" + " " * SIZE + "@")
        self.assertEqual(tokens(" " * SIZE), [])

    def test_commas_and_spaces(self):
        self.assertEqual(parse_extensions([", " * (SIZE // 2)]), [])
        self.assertEqual(tokens("\t," * (SIZE // 2) + "a"), ["a"])
        self.refused("a" + " ,\t" * (SIZE // 3) + "@")

    def test_quotes_that_are_never_closed(self):
        self.refused('a;b="' + "x" * SIZE)
        self.refused('a;b="' + "\\" * SIZE)
        self.refused('a;b="' + "\\x" * (SIZE // 2))
        self.refused('a;b="' + '\\"' * (SIZE // 2))
        self.refused("a;b=" + '"' * SIZE)

    def test_quotes_after_quotes(self):
        self.refused('a;b="c"' * (SIZE // 7))
        self.refused("a" + ';b="c' * (SIZE // 5))

    def test_a_token_that_does_not_end(self):
        self.assertEqual(tokens("a" * SIZE), ["a" * SIZE])
        self.refused("a" * SIZE + "@")
        self.assertEqual(parse_extensions(["a;b=" + "c" * SIZE])[0][1], [("b", "c" * SIZE)])

    def test_a_quoted_value_that_is_long(self):
        value = 'a;b="' + "\\c" * SIZE + '"'
        self.assertEqual(parse_extensions([value]), [("a", [("b", "c" * SIZE)])])

    def test_very_many_parameters(self):
        found = parse_extensions(["a" + ";b" * (SIZE // 2)])
        self.assertEqual(found, [("a", [("b", None)] * (SIZE // 2))])
        self.refused("a" + ";" * SIZE)
        self.refused("a" + ";b=" * (SIZE // 3))

    def test_very_many_elements(self):
        self.assertEqual(tokens("a," * (SIZE // 2)), ["a"] * (SIZE // 2))


class AnyTextTests(TestCase):
    grammar = st.text(alphabet='ab;=, \t"\\@é\n', max_size=60)

    @same_each_time
    @given(st.lists(st.one_of(grammar, st.text()), max_size=3))
    def test_nothing_but_invalid_header_format_is_raised(self, values):
        for parse, args in ((parse_extensions, (values,)), (tokens, values)):
            complaint(parse, *args)

    token = st.text(alphabet=TOKEN, min_size=1, max_size=8)
    parameters = st.lists(st.tuples(token, st.none() | token), max_size=4)

    @same_each_time
    @given(st.lists(st.tuples(token, parameters), max_size=4), st.booleans())
    def test_written_extensions_are_read(self, extensions, quoted):
        mark = '"' if quoted else ""
        written = [
            "; ".join([name, *(n if v is None else f"{n}={mark}{v}{mark}" for n, v in parameters)])
            for name, parameters in extensions
        ]
        self.assertEqual(parse_extensions(written), extensions)
        self.assertEqual(parse_extensions([", ".join(written)]), extensions)
