"""Mount points: the longest one that is a path, or above it."""

from twisted.trial.unittest import SynchronousTestCase

from txws2.wire.http.mount_points import MountPoints


class FindTests(SynchronousTestCase):
    def assertFound(self, found, points):
        points = MountPoints({point: point for point in points})
        self.assertEqual({path: points.find(path) for path in found}, found)

    def test_the_longest_one_has_a_path(self):
        self.assertFound(
            {
                "/": "/",
                "/x": "/",
                "/chat": "/chat",
                "/chat/": "/chat",
                "/chat/lobby": "/chat",
                "/chat/log": "/chat/log",
                "/chat/log/7?since=3": "/chat/log",
                "/chats": "/",
                "/chat?x=/chat/log": "/chat",
            },
            ["/", "/chat", "/chat/log"],
        )

    def test_without_one_at_the_root_other_paths_have_none(self):
        self.assertFound({"/": None, "/x": None, "/x/chat": None, "/chat": "/chat"}, ["/chat"])

    def test_there_may_be_none_at_all(self):
        self.assertFound({"/": None, "/x": None}, [])

    def test_a_path_is_split_before_it_is_decoded(self):
        points = MountPoints({"/chat": 1, "/a/b": 2, "/café": 3})
        self.assertEqual(points.find("/%63hat"), 1)
        self.assertIsNone(points.find("/a%2Fb"))
        self.assertEqual(points.find("/caf%C3%A9/x"), 3)

    def test_a_path_that_is_encoded_wrongly_is_below_the_root_only(self):
        points = MountPoints({"/": 1, "/chat": 2})
        for path in "/chat/%", "/chat/%ff", "/chat%zz":
            self.assertEqual(points.find(path), 1)

    def test_a_slash_at_the_end_of_one_does_not_matter(self):
        self.assertFound({"/chat": "/chat/", "/chat/x": "/chat/"}, ["/chat/"])

    def test_a_path_of_many_segments_takes_no_longer_than_its_length(self):
        seen = []

        class Targets(dict):
            def get(self, key):
                seen.append(key)

        points = MountPoints({"/a/b": 1})
        points._targets = Targets(points._targets)
        self.assertIsNone(points.find("/x" * 4000))
        self.assertLessEqual(len(seen), 3)


class RefusedTests(SynchronousTestCase):
    def assertRefused(self, text, *points, kind=ValueError):
        error = self.assertRaises(kind, MountPoints, dict.fromkeys(points, 1))
        self.assertIn(text, str(error))

    def test_two_that_are_the_same(self):
        self.assertRefused("'/chat/' stands for the same paths as '/chat'", "/chat", "/chat/")

    def test_one_with_a_parameter(self):
        self.assertRefused("'/chat/{room}' has a parameter", "/chat/{room}")

    def test_nobody_asks_for_a_segment_of_dots(self):
        for point in "/..", "/a/./b", "/a/../b", "/.":
            self.assertRefused(f"{point!r} has a segment of dots", point)
        MountPoints({"/...": 1, "/.well-known": 2, "/a..b": 3})

    def test_one_that_is_no_path(self):
        self.assertRefused("a path begins with a slash", "chat")
        self.assertRefused("leave the query out", "/chat?x=y")
        self.assertRefused("write a path as it reads", "/%63hat")
        self.assertRefused("a path is a str", 7, kind=TypeError)
