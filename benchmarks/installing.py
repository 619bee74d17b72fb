"""Installing the parts of a comparison: the load generator, a certificate, the other servers."""

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

from benchmarks.peers import NODE, OWN, Server, Tools

__all__ = ["BUILD", "LOAD", "build_load", "install", "prepare"]

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build" / "bench"
LOAD = BUILD / "load"
VENV = BUILD / "venv"
TOOLS = Tools(VENV / "bin" / "python", BUILD / "localhost.pem")

COMPILING = ["-std=gnu11", "-O3", "-Wall", "-Wextra"]
LIBRARIES = ["-lssl", "-lcrypto", "-lz"]


def prepare() -> Tools:
    """Make the load generator and the certificate; end the program if that fails."""
    BUILD.mkdir(parents=True, exist_ok=True)
    build_load()
    if not TOOLS.certificate.exists():
        TOOLS.certificate.write_bytes(_certificate())
    return TOOLS


def build_load() -> None:
    """Compile the load generator, unless it is newer than its sources."""
    sources = sorted(HERE.glob("load/*.c"))
    newest = max(path.stat().st_mtime for path in HERE.glob("load/*.[ch]"))
    if LOAD.exists() and LOAD.stat().st_mtime > newest:
        return
    compiler = os.environ.get("CC", "cc")
    command = [compiler, *COMPILING, "-o", LOAD, *sources, *LIBRARIES]
    if problem := _problem(*command):
        sys.exit(
            f"The load generator can't be compiled:\n{problem}\n"
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


def install(servers: Iterable[Server]) -> dict[str, str]:
    """Install the packages of these servers; return the errors by the server's name."""
    problems = {}
    for server in servers:
        done = BUILD / "installed" / server.name
        wanted = "\n".join(server.packages)
        # This file is written last, so that an interrupted installation begins anew.
        if server.registry == OWN or (done.exists() and done.read_text() == wanted):
            continue
        print(f"Installing {', '.join(server.packages)}", flush=True)
        install_packages = _install_node if server.registry == NODE else _install_python
        if problem := install_packages(server.packages):
            problems[server.name] = f"{server.packages[0]} can't be installed: {problem}"
        else:
            done.parent.mkdir(exist_ok=True)
            done.write_text(wanted)
    return problems


def _install_python(packages: tuple[str, ...]) -> str | None:
    # The other servers have their own environment: ours may have any version of Twisted.
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
