from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.wire.http.routes import Routes, parameters_of

SIZE = 64 * 1024


class FindTests(TestCase):
    def find(self, path, *patterns):
        """Return the pattern that a path matches, and the parameters."""
        return Routes({pattern: pattern for pattern in patterns}).find(path)

    def test_a_path_is_found(self):
        for path in ("/", "/chat", "/a/b/c", "//", "/a//b", "/chat/"):
            self.assertEqual(self.find(path, "/x", path), (path, {}))

    def test_another_path_is_not(self):
        for path in ("/", "/cha", "/chats", "/chat/", "/chat/x", "//chat", "/Chat", "/x"):
            self.assertIsNone(self.find(path, "/chat"), path)

    def test_a_slash_at_the_end_makes_another_path(self):
        self.assertEqual(self.find("/chat/", "/chat", "/chat/"), ("/chat/", {}))
        self.assertEqual(self.find("/chat", "/chat", "/chat/"), ("/chat", {}))
        self.assertIsNone(self.find("/a/", "/{x}"))

    def test_the_query_does_not_matter(self):
        self.assertEqual(self.find("/chat?room=/1", "/chat"), ("/chat", {}))
        self.assertEqual(self.find("/chat?a?b", "/{x}"), ("/{x}", {"x": "chat"}))

    def test_a_parameter_is_any_text_between_slashes(self):
        pattern = "/chat/{room}/{user}"
        for room, user in (("lobby", "me"), ("{room}", "..."), ("~!$&'()*+,;=:@", "-")):
            expected = (pattern, {"room": room, "user": user})
            self.assertEqual(self.find(f"/chat/{room}/{user}", pattern), expected)

    def test_a_parameter_is_not_empty(self):
        for path in ("/chat/", "/chat", "/chat//"):
            self.assertIsNone(self.find(path, "/chat/{room}"))

    def test_a_parameter_is_decoded(self):
        for path, room in (
            ("%C3%A9", "é"),
            ("a%20b+c", "a b+c"),
            ("%2525", "%25"),
            ("%c3%9F", "ß"),
        ):
            self.assertEqual(self.find(f"/{path}", "/{room}"), ("/{room}", {"room": room}))

    def test_an_encoded_slash_separates_nothing(self):
        self.assertEqual(self.find("/a%2Fb", "/{x}", "/{x}/{y}"), ("/{x}", {"x": "a/b"}))
        self.assertIsNone(self.find("/a%2Fb", "/a/b"))

    def test_an_encoded_question_mark_begins_no_query(self):
        self.assertEqual(self.find("/a%3Fb", "/{x}"), ("/{x}", {"x": "a?b"}))

    def test_text_is_the_same_however_it_is_encoded(self):
        """RFC 3986 section 6.2.2."""
        for path in ("/admin", "/%61dmin", "/%61%64%6D%69%6e"):
            self.assertEqual(self.find(path, "/admin", "/{x}"), ("/admin", {}))
        self.assertEqual(self.find("/caf%C3%A9%20x", "/café x"), ("/café x", {}))

    def test_a_wrongly_encoded_path_is_not_found(self):
        for path in ("/%", "/%2", "/%zz", "/a%", "/%ff", "/%C3", "/%c0%af", "/%ED%A0%80", "/%+1"):
            self.assertIsNone(self.find(path, "/{x}", path.replace("%", "")), path)

    def test_a_path_without_parameters_comes_first(self):
        for patterns in (("/chat/{room}", "/chat/new"), ("/chat/new", "/chat/{room}")):
            self.assertEqual(self.find("/chat/new", *patterns), ("/chat/new", {}))
            self.assertEqual(self.find("/chat/x", *patterns), ("/chat/{room}", {"room": "x"}))

    def test_the_first_of_several_paths_with_parameters_counts(self):
        self.assertEqual(self.find("/a/b", "/{x}/b", "/a/{x}"), ("/{x}/b", {"x": "a"}))
        self.assertEqual(self.find("/a/b", "/a/{x}", "/{x}/b"), ("/a/{x}", {"x": "b"}))
        self.assertEqual(self.find("/c/b", "/a/{x}", "/{x}/b"), ("/{x}/b", {"x": "c"}))

    def test_without_routes_nothing_is_found(self):
        self.assertIsNone(self.find("/"))

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a client sends."""
        # This pattern has as many segments as the longest of the paths.
        long = "".join(f"/{{p{number}}}" for number in range(100)) + "/a" * (SIZE // 2 - 100)
        routes = Routes(dict.fromkeys(("/a", "/{x}", long)))
        for shape in ("/", "%", "%2", "%25", "a", "{", "a/", "/a", "%ff", "%C3", "?", "/%61"):
            routes.find("/" + shape * (SIZE // len(shape)))
        for path in ("/a" * (SIZE // 2), "/%61" * (SIZE // 2)):
            self.assertEqual(len(routes.find(path)[1]), 100)
        self.assertIsNone(routes.find("/a" * (SIZE // 2 - 1) + "/b"))

    @same_each_time
    @given(st.text(alphabet="/a%2Fcé?{}") | st.text())
    def test_any_path_is_found_or_not(self, path):
        routes = Routes(dict.fromkeys(["/{x}", "/a/{x}", "/{x}/{y}", "/a"]))
        found = routes.find("/" + path)
        if found is not None:
            self.assertTrue(all(found[1].values()))

    @same_each_time
    @given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
    def test_an_encoded_parameter_is_decoded(self, values):
        pattern = "".join(f"/{{p{number}}}" for number in range(len(values)))
        path = "".join("/" + quote(value, safe="") for value in values)
        _, parameters = Routes({pattern: None}).find(path)
        self.assertEqual(list(parameters.values()), values)


class PatternTests(TestCase):
    def complaint(self, *patterns):
        return str(self.assertRaises(ValueError, Routes, dict.fromkeys(patterns)))

    def test_its_parameters_are_known(self):
        self.assertEqual(parameters_of("/chat"), [])
        self.assertEqual(parameters_of("/{b}/x/{a}/"), ["b", "a"])

    def test_it_begins_with_a_slash(self):
        for pattern in ("", "chat", "{room}", "http://example.com/"):
            self.assertEqual(
                self.complaint(pattern),
                f"a path begins with a slash, as '/chat'; it is {pattern!r}",
            )

    def test_it_is_a_path_only(self):
        for pattern in ("/?a=1", "/chat#top"):
            self.assertEqual(
                self.complaint(pattern),
                f"{pattern!r} is more than a path; leave the query out: it is in request.query",
            )

    def test_it_is_not_encoded(self):
        self.assertEqual(
            self.complaint("/caf%C3%A9"),
            "write a path as it reads, '/café'; it is '/caf%C3%A9'",
        )
        self.assertEqual(Routes({"/100%": 1}).find("/100%25"), (1, {}))

    def test_a_parameter_is_a_whole_segment(self):
        for segment in ("{room", "room}", "a{room}", "{room}.txt", "}{"):
            self.assertEqual(
                self.complaint(f"/x/{segment}"),
                "a parameter is all that is between two slashes, as in '/chat/{room}'; "
                f"in '/x/{segment}', it is '{segment}'",
            )

    def test_a_parameter_has_a_name_of_python_s(self):
        for name in ("", "1", "a b", "a:int", "a}{b", "class", "é-"):
            self.assertEqual(
                self.complaint(f"/{{{name}}}"),
                f"a parameter is named as in Python; in '/{{{name}}}', one is {name!r}",
            )

    def test_a_name_occurs_once(self):
        self.assertEqual(
            self.complaint("/{a}/{a}"),
            "each parameter has a name of its own; in '/{a}/{a}', two are 'a'",
        )

    def test_no_two_stand_for_the_same(self):
        self.assertEqual(
            self.complaint("/a", "/chat/{room}", "/chat/{name}"),
            "'/chat/{name}' stands for the same paths as '/chat/{room}'",
        )
