"""The files of docs/deploy: their commands are right, and in a container nobody is root."""

import json
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from txws2._command.arguments import parse_arguments
from txws2.tap import Options

DEPLOY = Path(ROOT, "docs", "deploy")


class ContainerfileTests(SynchronousTestCase):
    def setUp(self):
        text = (DEPLOY / "Containerfile").read_text()
        lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
        joined = "\n".join(lines).replace("\\\n", " ")
        steps = [line.split(None, 1) for line in joined.split("\n") if line.strip()]
        self.steps = [(name, " ".join(rest.split())) for name, rest in steps]

    def values(self, name):
        return [value for each, value in self.steps if each == name]

    def test_its_instructions_are_known(self):
        known = {"FROM", "RUN", "COPY", "USER", "WORKDIR", "ENV", "EXPOSE", "HEALTHCHECK"}
        known |= {"STOPSIGNAL", "ENTRYPOINT", "CMD"}
        self.assertEqual({name for name, _ in self.steps} - known, set())

    def test_its_images_have_a_version(self):
        for image in self.values("FROM"):
            self.assertRegex(image, r"^\w+:\d+\.\d+[\w.-]*( AS \w+)?\Z")

    def test_nobody_is_root(self):
        [user] = self.values("USER")
        self.assertRegex(user, r"^[1-9]\d*:[1-9]\d*\Z")
        names = [name for name, _ in self.steps]
        self.assertGreater(names.index("USER"), len(names) - 1 - names[::-1].index("RUN"))

    def test_packages_leave_no_lists(self):
        [step] = [value for value in self.values("RUN") if "apt-get" in value]
        self.assertIn("--no-install-recommends", step)
        self.assertIn("rm -rf /var/lib/apt/lists/*", step)

    def test_the_server_understands_its_command(self):
        [entry], [arguments] = self.values("ENTRYPOINT"), self.values("CMD")
        program, *first = json.loads(entry)
        self.assertEqual(program, "/opt/ws/bin/twistd")
        self.assertEqual(first[:3], ["-n", "--pidfile=", "ws"])
        options = Options()
        options.parseOptions([*first[3:], *json.loads(arguments)])
        self.assertEqual(options["listen"], ["tcp:8000"])
        self.assertTrue(options["json-log"])

    def test_the_client_understands_its_check(self):
        [check] = self.values("HEALTHCHECK")
        _, module, name, *arguments = json.loads(check.partition("CMD ")[2])
        self.assertEqual((module, name), ("-m", "txws2"))
        self.assertEqual(parse_arguments(arguments).uri, "ws://127.0.0.1:8000/")

    def test_its_extras_exist(self):
        [step] = [value for value in self.values("RUN") if "pip install" in value]
        setup = Path(ROOT, "setup.cfg").read_text()
        for extra in re.search(r"\[([\w,]+)\]", step)[1].split(","):
            self.assertIn(f"\n{extra} =\n", setup)


class KubernetesTests(SynchronousTestCase):
    text = (DEPLOY / "kubernetes.yaml").read_text()

    def test_the_server_understands_its_arguments(self):
        options = Options()
        options.parseOptions(json.loads(re.search(r"args: (\[.*\])", self.text)[1]))
        self.assertEqual(options["drain"], 60)

    def test_the_pod_has_time_for_all(self):
        options = Options()
        options.parseOptions(json.loads(re.search(r"args: (\[.*\])", self.text)[1]))
        pause = int(re.search(r'\["sleep", "(\d+)"\]', self.text)[1])
        grace = int(re.search(r"terminationGracePeriodSeconds: (\d+)", self.text)[1])
        self.assertGreater(grace, pause + options["drain"] + options["close-timeout"])

    def test_the_client_understands_its_probe(self):
        [probe] = re.findall(r'command: (\["/opt.*\])', self.text)
        self.assertEqual(parse_arguments(json.loads(probe)[3:]).timeout, 5)


class DrainTests(SynchronousTestCase):
    """Whoever ends the process waits long enough."""

    def options(self, line):
        options = Options()
        options.parseOptions(line.split(" ws ", 1)[1].replace("$PORT", "8000").split())
        return options

    def assertFits(self, options, seconds):
        self.assertLess(options["drain"] + options["close-timeout"], seconds)

    def test_systemd(self):
        text = (DEPLOY / "chat.service").read_text()
        options = self.options(re.search(r"^ExecStart=(.+)$", text, re.M)[1])
        self.assertFits(options, int(re.search(r"TimeoutStopSec=(\d+)", text)[1]))

    def test_podman(self):
        text = (DEPLOY / "containers.rst").read_text()
        line = re.search(r"podman run .+(\bws -l .+)$", text, re.M)[1]
        self.assertFits(self.options(f" {line}"), int(re.search(r"--time (\d+)", text)[1]))

    def test_a_platform(self):
        options = self.options((DEPLOY / "Procfile").read_text())
        self.assertFits(options, 30)
        self.assertTrue(options["json-log"])
