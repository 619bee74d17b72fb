"""The distributions: what is in them, and what installing and removing them does."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = {
    *(".git", ".venv", ".venv-oldest", "build", "dist", "node_modules", "__pycache__"),
    *(".hypothesis", ".mypy_cache", ".ruff_cache"),
}
PLUGINS = {"twisted/plugins/txws2_endpoints.py", "twisted/plugins/txws2_service.py"}


def run(*command, path, **variables):
    """Run a command; return what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment.update(variables)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def files_of_the_project():
    """Return the files that belong to the project, relative to its root."""
    listing = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True)
        names = {Path(name) for name in done.stdout.split("\0") if name}
    except (OSError, subprocess.CalledProcessError):
        names = {path.relative_to(ROOT) for path in ROOT.rglob("*")}
    return {name for name in names if (ROOT / name).is_file() and not made(name)}


def made(name):
    """Tell whether a path is one that builds and tests make."""
    if name.suffix == ".so" or name.name.startswith(".coverage"):
        return True
    return any(part in LEFT_OUT or part.endswith(".egg-info") for part in name.parts)


FILES = files_of_the_project()


def below(folder, *suffixes):
    """Return the project's files below a folder, as the distributions name them."""
    return {
        name.as_posix()
        for name in FILES
        if name.parts[0] == folder and (not suffixes or name.suffix in suffixes)
    }


PAGES = below("txws2", ".css", ".html", ".js", ".svg")
INSTALLED = below("txws2", ".py", ".pyi") | {"txws2/py.typed"} | PAGES | PLUGINS
ACCELERATOR = f"txws2/_speedups{sysconfig.get_config_var('EXT_SUFFIX')}"
COMPILER = os.environ.get("CC") or sysconfig.get_config_var("CC")
# Manual pages, and functions with which shells complete options, for the environment.
SHARED = below("docs", ".1", ".bash", ".fish") | {"docs/completions/_txws2"}
COMPILED = {ACCELERATOR} if shutil.which(COMPILER.split()[0]) else set()


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Copy the project, so that building it leaves nothing behind."""
    copy = tmp_path_factory.mktemp("project")
    for name in FILES:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def distributions(tree, tmp_path_factory):
    """Build the sdist and, from it, the wheel; return their paths."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, tree, path=folder)
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def packages_in(wheel):
    """Return the files of a wheel that are for the place of packages."""
    names = ZipFile(wheel).namelist()
    return {name for name in names if ".dist-info/" not in name and ".data/" not in name}


def test_the_wheel_holds_the_package_and_the_plugins_and_nothing_else(distributions):
    _, wheel = distributions
    assert packages_in(wheel) == INSTALLED | COMPILED


def test_the_wheel_holds_the_manual_pages_and_the_completions(distributions):
    _, wheel = distributions
    shared = [name for name in ZipFile(wheel).namelist() if ".data/" in name]
    assert {Path(name).name for name in shared} == {Path(name).name for name in SHARED}
    assert all(".data/data/share/" in name for name in shared)


def test_two_builds_of_the_same_time_are_the_same(tree, tmp_path):
    made = []
    for name in ("one", "another"):
        shutil.copytree(tree, tmp_path / name)
        # The files of another checkout have other times.
        os.utime(tmp_path / name / "README.rst", (10**9 + len(made), 10**9 + len(made)))
        command = [sys.executable, "-m", "build", "--outdir", tmp_path / "dist", tmp_path / name]
        run(*command, path=tmp_path, SOURCE_DATE_EPOCH="1700000000")
        made.append([path.read_bytes() for path in sorted((tmp_path / "dist").iterdir())])
    assert made[0] == made[1]


def test_nothing_in_the_wheel_takes_the_place_of_twisted(distributions):
    _, wheel = distributions
    ours = {name for name in ZipFile(wheel).namelist() if name.startswith("twisted/")}
    assert ours == PLUGINS


def test_the_sdist_holds_the_whole_project(distributions):
    sdist, _ = distributions
    with tarfile.open(sdist) as archive:
        members = [member.name for member in archive.getmembers() if member.isfile()]
    names = {name.partition("/")[2] for name in members}
    package = {name for name in names if name.startswith(("txws2/", "twisted/"))}
    assert package == INSTALLED
    # NEWS.rst has the fragments of a release; .gitignore is for git alone.
    left_out = below("newsfragments") - {"newsfragments/README.rst"} | {".gitignore"}
    assert {name.as_posix() for name in FILES} - names == left_out


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_each_compiler_takes_the_accelerator_without_a_word(compiler, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    flags = ["-c", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{sysconfig.get_path('include')}"]
    for source in sorted((ROOT / "accelerator").glob("*.c")):
        assert run(compiler, *flags, source, "-o", tmp_path / "object", path=tmp_path) == ""


def test_without_a_compiler_nothing_else_is_missing(tree, tmp_path):
    copy = tmp_path / "tree"
    shutil.copytree(tree, copy)
    run(
        *(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, copy),
        path=tmp_path,
        CC="/no/compiler",
    )
    [wheel] = tmp_path.glob("*.whl")
    assert packages_in(wheel) == INSTALLED


@pytest.fixture(params=["wheel", "tree", "editable", "editable, without a compiler"])
def installed(request, tmp_path):
    """Install it in a new environment; return the folder of that environment's programs."""
    run(sys.executable, "-m", "venv", tmp_path / "venv", path=tmp_path)
    programs = tmp_path / "venv" / "bin"
    if request.param == "wheel":
        what = [request.getfixturevalue("distributions")[1]]
    else:
        tree = tmp_path / "tree"
        shutil.copytree(request.getfixturevalue("tree"), tree)
        what = [tree] if request.param == "tree" else ["--editable", tree]
    compiler = "/no/compiler" if "without" in request.param else COMPILER
    install = [programs / "python", "-m", "pip", "install", "--quiet", *what]
    shown = run(*install, path=tmp_path, CC=compiler)
    # Not a word of what couldn't be compiled.
    assert "speedups" not in shown
    # This is the place to look for it.
    version = run(programs / "python", "-m", "txws2", "--version", path=tmp_path)
    used = COMPILED and compiler == COMPILER
    assert ("with the accelerator" if used else "it couldn't be compiled") in version
    return programs


def test_it_can_be_used_when_installed_and_leaves_twisted_whole(installed, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    python, twistd = installed / "python", installed / "twistd"

    run(python, "-c", "import txws2.wire.whole_messages, twisted.plugins", path=elsewhere)
    assert lists_ws(run(twistd, "--help", path=elsewhere))
    # An editable install leaves them in its tree.
    pages = [*(tmp_path / "venv" / "share").rglob("*.1"), *(tmp_path / "tree").rglob("*.1")]
    assert {path.name for path in pages} == {"twistd-ws.1", "txws2.1"}
    assert "WebSocketServerEndpoint" in run(python, "-c", ENDPOINT, path=elsewhere)

    run(python, "-m", "pip", "uninstall", "--quiet", "-y", "txws2", path=elsewhere)
    run(python, "-c", "import twisted.plugins", path=elsewhere)
    assert not lists_ws(run(twistd, "--help", path=elsewhere))
    assert "Unknown endpoint type: 'ws'" in run(python, "-c", ENDPOINT, path=elsewhere)


# Prints what the string of an endpoint stands for, or why for nothing.
ENDPOINT = """
from twisted.internet import endpoints, reactor
try:
    print(endpoints.serverFromString(reactor, "ws:8080"))
except ValueError as exc:
    print(exc)
"""


def lists_ws(text):
    """Tell whether ws is among the commands in twistd's help."""
    return any(line.split()[:1] == ["ws"] for line in text.splitlines())
