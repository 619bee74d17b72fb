"""`--exec`, `--exec-binary` and `--exec-shared` of `twistd ws`, and each mistake in them."""

import os

import txws2.programs
from tests.command.test_modes import ModesTestCase
from txws2._command.services import TwistdServices
from txws2.programs import Program, SharedProgram

COMMON = {"max_size": 2**20, "term_after": 0.1, "kill_after": 5}
ALONE = {"binary": False, "max_programs": 100, "script_name": "/", **COMMON}
SHARED = {"takes_input": False, "history": 0, **COMMON}


class ProgramTestCase(ModesTestCase):
    def setUp(self):
        super().setUp()
        self.made = []
        for real in Program, SharedProgram:
            self.patch(txws2.programs, real.__name__, self.recording(real))

    def recording(self, real):
        """Return a function that makes a program, and remembers with what."""

        def make(arguments, *, reactor, **options):
            self.assertIs(reactor, self.reactor)
            self.made.append((arguments, options))
            return real(arguments, reactor=reactor, **options)

        return make

    def assertMakes(self, expected, *arguments):
        """Assert that a command line makes one program, with these words and options."""
        self.made.clear()
        self.make(*arguments)
        self.assertEqual(self.made, [expected])


class ExecTests(ProgramTestCase):
    def test_a_line_is_a_program_with_arguments_as_for_a_shell(self):
        for line, words in {
            "cat": ["cat"],
            "sh -c 'read x; echo \"$x\"'": ["sh", "-c", 'read x; echo "$x"'],
            "/bin/cat a=b": ["/bin/cat", "a=b"],
        }.items():
            self.assertMakes((words, ALONE), f"--exec={line}")

    def test_a_path_is_the_name_of_the_script(self):
        self.assertMakes((["cat"], {**ALONE, "script_name": "/x"}), "--exec", "/x=cat")

    def test_the_output_may_be_binary(self):
        self.assertMakes((["cat"], {**ALONE, "binary": True}), "--exec-binary=cat")

    def test_a_line_of_output_is_as_long_as_a_message_may_be(self):
        self.assertMakes((["cat"], {**ALONE, "max_size": 2048}), "--exec=cat", "--max-size=2K")

    def test_the_number_of_programs_has_a_limit(self):
        for given, limit in ("7", 7), ("none", None):
            self.assertMakes(
                (["cat"], {**ALONE, "max_programs": limit}),
                "--exec=cat",
                f"--max-programs={given}",
            )

    def test_variables_of_the_environment_are_passed_on_by_name(self):
        self.assertMakes(
            (["cat"], {**ALONE, "pass_environment": ["HOME", "LC_ALL"]}),
            *("--exec=cat", "--pass-environment=HOME", "--pass-environment", "LC_ALL"),
        )

    def test_the_times_to_end_can_be_chosen(self):
        self.assertMakes(
            (["cat"], {**ALONE, "term_after": 0, "kill_after": 60}),
            *("--exec=cat", "--term-after=0", "--kill-after=1m"),
        )

    def test_several_have_paths_of_their_own(self):
        self.start("--exec=/a=cat", "--exec=/b=cat -n", "--exec-binary=/c=cat", "--echo")
        self.assertEqual([each["script_name"] for _, each in self.made], ["/a", "/b", "/c"])
        self.assertOpens("/")


class SharedTests(ProgramTestCase):
    def test_one_program_is_for_all(self):
        self.assertMakes((["tail", "-F", "log"], SHARED), "--exec-shared=tail -F log")

    def test_it_is_a_service_beside_the_server(self):
        service = self.make("--exec-shared=/log=cat")
        self.assertIsInstance(service, TwistdServices)
        self.assertIsInstance(service.services[0], SharedProgram)

    def test_new_connections_may_get_its_last_lines(self):
        self.assertMakes(
            (["cat"], {**SHARED, "history": 20}), "--exec-shared=cat", "--shared-history=20"
        )

    def test_messages_may_be_its_input(self):
        self.assertMakes(
            (["cat"], {**SHARED, "takes_input": True}), "--exec-shared=cat", "--shared-input"
        )

    def test_it_has_the_other_options_of_programs(self):
        self.assertMakes(
            (
                ["cat"],
                {
                    **SHARED,
                    "pass_environment": ["HOME"],
                    "max_size": 5,
                    "term_after": 1,
                    "kill_after": 2,
                },
            ),
            *("--exec-shared=cat", "--pass-environment=HOME", "--max-size=5"),
            *("--term-after=1", "--kill-after=2"),
        )


class RefusedTests(ProgramTestCase):
    def test_a_program_that_is_not_there(self):
        for mode in "exec", "exec-binary", "exec-shared":
            self.assertCannotStart("there is no program 'nobody' in PATH", f"--{mode}=nobody x")
            self.assertCannotStart("there is no program './nobody'", f"--{mode}=./nobody")

    def test_a_file_that_is_no_program(self):
        file = self.directory / "file"
        file.write_text("")
        path = os.path.abspath(file)
        self.assertCannotStart(f"{path!r} isn't executable", f"--exec=/={file}")

    def test_a_quotation_without_an_end(self):
        self.assertCannotStart(
            "\"cat 'x\" isn't a program with arguments, as for a shell: No closing quotation",
            "--exec=cat 'x",
        )

    def test_a_line_without_a_program(self):
        for line in " ", "# x\0":
            self.assertCannotStart(
                f"expected a program, perhaps with arguments; it is {line!r}", f"--exec={line}"
            )
        self.assertCannotStart(
            "--exec must have a value, perhaps with a path, as /path=VALUE; it is ''", "--exec="
        )

    def test_a_number_of_programs_that_is_none(self):
        for given in "0", "-1", "many":
            self.assertCannotStart(
                "--max-programs must be a number of programs, at least 1, as 1000, or none; it is "
                f"{given!r}",
                *("--exec=cat", f"--max-programs={given}"),
            )

    def test_a_time_that_is_none(self):
        for option in "term-after", "kill-after":
            for given in "none", "-1", "soon":
                self.assertCannotStart(
                    f"--{option} must be a number of seconds, as 10, 10s, 500ms or 2m; it is "
                    f"{given!r}",
                    *("--exec=cat", f"--{option}={given}"),
                )

    def test_a_name_of_a_variable_that_is_none(self):
        for given in "HOME,PATH", "A=b", "", "1":
            self.assertCannotStart(
                f"--pass-environment must be the name of one variable, as HOME; it is {given!r}",
                *("--exec=cat", f"--pass-environment={given}"),
            )

    def test_a_number_of_lines_that_is_none(self):
        for given in "none", "-1":
            self.assertCannotStart(
                f"--shared-history must be a number of lines, as 1000; it is {given!r}",
                *("--exec-shared=cat", f"--shared-history={given}"),
            )

    def test_settings_without_their_mode(self):
        for needed, *arguments in (
            ("--exec or --exec-binary", "--max-programs=3", "--exec-shared=cat"),
            ("--exec, --exec-binary or --exec-shared", "--pass-environment=HOME"),
            ("--exec, --exec-binary or --exec-shared", "--term-after=1", "--echo"),
            ("--exec, --exec-binary or --exec-shared", "--kill-after=1"),
            ("--exec-shared", "--shared-history=3", "--exec=cat"),
            ("--exec-shared", "--shared-input"),
        ):
            name = arguments[0].partition("=")[0]
            self.assertCannotStart(f"{name} has no effect without {needed}", *arguments)

    def test_a_directory_where_a_resource_of_twisted_web_should_be(self):
        """Users of websockify write --web for files."""
        self.assertCannotStart(
            f"{str(self.directory)!r} is a directory; --static serves the files of a directory",
            f"--web=/={self.directory}",
        )
