"""Installing the parts of a comparison: both loads, a certificate, the other libraries."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.peers import NODE, OWN, Peer, Tools

__all__ = ["BUILD", "FEED", "LOAD", "build_feed", "build_load", "install", "prepare"]

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build" / "bench"
LOAD, FEED = BUILD / "load", BUILD / "feed"
VENV = BUILD / "venv"
TOOLS = Tools(VENV / "bin" / "python", BUILD / "localhost.pem")

COMPILING = ["-std=gnu11", "-O3", "-Wall", "-Wextra"]
LIBRARIES = ["-lssl", "-lcrypto", "-lz", "-lm"]
# The sources of the load generator that the load of clients has, too.
SHARED = ["buffer.c", "fail.c", "messages.c"]


def prepare() -> Tools:
    """Make both loads and the certificate; end the program if that fails."""
    BUILD.mkdir(parents=True, exist_ok=True)
    build_load()
    build_feed()
    if not TOOLS.certificate.exists():
        TOOLS.certificate.write_bytes(_certificate())
    return TOOLS


def build_load() -> None:
    """Compile the load generator, unless it is newer than its sources."""
    _build(LOAD, sorted(HERE.glob("load/*.c")))


def build_feed() -> None:
    """Compile the server that is the load of clients, unless it is newer than its sources."""
    _build(FEED, [*sorted(HERE.glob("feed/*.c")), *(HERE / "load" / name for name in SHARED)])


def _build(program: Path, sources: list[Path]) -> None:
    newest = max(path.stat().st_mtime for path in HERE.glob("*/*.[ch]"))
    if program.exists() and program.stat().st_mtime > newest:
        return
    compiler = os.environ.get("CC", "cc")
    command: list[str | Path] = [compiler, *COMPILING, "-o", program, *sources, *LIBRARIES]
    if problem := _problem(*command):
        sys.exit(
            f"{program.name} can't be compiled:\n{problem}\n"
            "It needs a C compiler, and OpenSSL and zlib with their headers; on Debian these are "
            "gcc, libssl-dev and zlib1g-dev."
        )


def _certificate() -> bytes:
    """Return a private key and its certificate, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem + certificate.public_bytes(serialization.Encoding.PEM)


def install(peers: Iterable[Peer]) -> dict[str, str]:
    """Install the packages of these programs; return the errors by the program's name."""
    problems: dict[str, str] = {}
    for peer in peers:
        done = BUILD / "installed" / peer.name
        wanted = "\n".join(peer.packages)
        # This file is written last, so that an interrupted installation begins anew.
        if peer.registry == OWN or (done.exists() and done.read_text() == wanted):
            continue
        if peer.name in problems:
            continue
        print(f"Installing {', '.join(peer.packages)}", flush=True)
        install_packages = _install_node if peer.registry == NODE else _install_python
        if problem := install_packages(peer.packages):
            problems[peer.name] = f"{peer.packages[0]} can't be installed: {problem}"
        else:
            done.parent.mkdir(exist_ok=True)
            done.write_text(wanted)
    return problems


def _install_python(packages: tuple[str, ...]) -> str | None:
    # The other libraries have their own environment: ours may have any version of Twisted.
    if not TOOLS.python.exists() and (problem := _problem(sys.executable, "-m", "venv", VENV)):
        return problem
    return _problem(TOOLS.python, "-m", "pip", "install", "--quiet", *packages)


def _install_node(packages: tuple[str, ...]) -> str | None:
    names = [package.replace("==", "@") for package in packages]
    quiet = ["--silent", "--no-audit", "--no-fund", "--no-package-lock"]
    if shutil.which("node") is None:
        return "there is no node"
    # Without a package.json here, npm would look for one further up. It lists the packages to keep.
    manifest = BUILD / "package.json"
    if not manifest.exists():
        manifest.write_text("{}\n")
    return _problem("npm", "install", *quiet, "--prefix", BUILD, *names)


def _problem(*command: str | Path) -> str | None:
    """Run a command; return the end of its output if it failed."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(exc)
    if done.returncode == 0:
        return None
    return done.stdout.strip()[-1000:] or f"{command[0]} ends with {done.returncode}"
