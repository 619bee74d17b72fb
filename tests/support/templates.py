"""Programs that run in a process of their own, in a fraction of the time that a new Python takes.

A template is a process that has imported txws2, but no reactor. For each program it forks.
"""

import atexit
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

__all__ = ["Done", "Template"]

# Each program runs in the namespace of the module __main__, as that of `python -c` does.
_TEMPLATE = """
import sys as _sys
def _next():
    import json, os
    for line in _sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            for number, path in ((1, order["out"]), (2, order["err"])):
                os.dup2(os.open(path, os.O_WRONLY), number)
            return order["text"]
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    _sys.exit()
{imports}
assert "twisted.internet.reactor" not in _sys.modules
exec(compile(_next(), "<string>", "exec"))
"""


@dataclass(frozen=True)
class Done:
    """The end of a program."""

    returncode: int
    stdout: str
    stderr: str


class Template:
    """A process that makes others.

    Args:
        imports: the statements that all programs begin with.
        options: options of Python.
    """

    def __init__(self, imports, *options):
        self._command = [sys.executable, *options, "-c", _TEMPLATE.format(imports=imports)]
        self._process = None

    def run(self, text):
        """Run a program; return what `subprocess.run` would."""
        if self._process is None:
            self._start()
        with tempfile.TemporaryDirectory() as folder:
            files = {name: Path(folder, name) for name in ("out", "err")}
            for path in files.values():
                path.touch()
            order = {"text": text, **{name: str(path) for name, path in files.items()}}
            print(json.dumps(order), file=self._process.stdin, flush=True)
            status = int(self._process.stdout.readline())
            return Done(status, files["out"].read_text(), files["err"].read_text())

    def _start(self):
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(self._end)

    def _end(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
