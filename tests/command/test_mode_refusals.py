"""Modes of `twistd ws` that can't be, or can't go together, are refused with a sentence."""

from tests.command.test_modes import ModesTestCase
from txws2._command.option import CannotStart


class RefusedTests(ModesTestCase):
    def test_two_at_one_path(self):
        for expected, *arguments in (
            (
                "--echo is at '/x' twice; give one of them another path, as --echo /other",
                "--echo=/x",
                "--echo=/x/",
            ),
            (
                "--app and --echo are both at '/'; give one of them another path, as --echo /other",
                "--echo",
                "--app=tests.command.test_modes:chat",
            ),
            (
                "--static and --web are both at '/a'; give one of them another path, as "
                "--web /other=...",
                f"--static=/a={self.directory}",
                "--web=/a=tests.command.test_modes:ROOT",
            ),
        ):
            error = self.assertRaises(CannotStart, self.make, *arguments)
            self.assertEqual(str(error).replace("/x/", "/x"), f"twistd ws: {expected}")

    def test_a_directory_that_is_not_there(self):
        self.assertCannotStart("there is no directory 'nowhere'", "--static=nowhere")

    def test_an_application_of_wsgi_that_is_none(self):
        self.assertCannotStart(
            "'tests.command.test_modes:__name__' is 'tests.command.test_modes'; expected an "
            "application of WSGI, which is a function of environ and start_response",
            "--wsgi=tests.command.test_modes:__name__",
        )
        self.assertCannotStart("'os' has no 'nobody'", "--wsgi=os:nobody")

    def test_a_resource_that_is_none(self):
        for name in "chat", "SITE":
            error = self.assertRaises(
                CannotStart, self.make, f"--web=tests.command.test_modes:{name}"
            )
            self.assertIn("expected a resource of twisted.web, as File('public')", str(error))
        self.assertCannotStart("'os' has no 'nobody'", "--web=os:nobody")

    def test_a_path_that_is_none(self):
        self.assertCannotStart(
            "--echo must have a path: a path begins with a slash, as '/chat'; it is 'chat'",
            "--echo=chat",
        )

    def test_a_value_that_is_missing(self):
        for option in "app", "static", "wsgi", "web":
            self.assertCannotStart(
                f"--{option} must have a value, perhaps with a path, as /path=VALUE; it is '/x='",
                f"--{option}=/x=",
            )

    def test_what_is_no_option(self):
        self.assertCannotStart(
            "'chat' isn't an option, and not the value of one; twistd ws --help shows all options",
            "--echo",
            "chat",
        )

    def test_all_that_is_wrong_is_told_in_a_line_each(self):
        self.assertCannotStart(
            "'nope:1' isn't an endpoint: Unknown endpoint type: 'nope'\n"
            "twistd ws: 'foo' isn't an origin: that is a scheme, a host and perhaps a port, "
            "without a path, as 'https://example.com'\n"
            "twistd ws: 'os' has no 'nobody'\n"
            "twistd ws: there is no directory 'nowhere'",
            "--app=os:nobody",
            "--static=nowhere",
            "--origin=foo",
            "--listen=nope:1",
        )

    def test_one_place_to_listen_twice(self):
        self.assertCannotStart(
            "--listen has 'tcp:80' twice; only one server can listen there", "-l:80", "-ltcp:80"
        )
