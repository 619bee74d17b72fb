"""The command line of `python -m benchmarks`."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence

from benchmarks.client_peers import CLIENTS
from benchmarks.contests import CONTESTS
from benchmarks.server_peers import SERVERS

__all__ = ["parse"]

_NAMES = {"workloads": list(CONTESTS), "servers": list(SERVERS), "clients": list(CLIENTS)}


def _positive(convert: type) -> Callable[[str], float]:
    """Return a converter for numbers above 0."""

    def read(text: str) -> float:
        value: float = convert(text)
        if not value > 0:
            raise ArgumentTypeError(f"{text} isn't more than 0")
        return value

    read.__name__ = convert.__name__
    return read


def parse(arguments: Sequence[str] | None = None) -> Namespace:
    """Read the command line; None stands for the command line of this process."""
    parser = ArgumentParser(
        prog="python -m benchmarks",
        description="Compare WebSocket servers and clients: CPU for each message, memory for each "
        "connection.",
    )
    for name, choices in _NAMES.items():
        parser.add_argument(
            f"--{name}",
            nargs="+",
            choices=choices,
            default=choices,
            metavar="NAME",
            help=f"{name} to run, of {', '.join(choices)}; all by default",
        )
    parser.add_argument(
        "--rounds",
        type=_positive(int),
        default=3,
        help="number of rounds, whose median counts (%(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=_positive(float),
        default=1,
        help="length of a measurement (%(default)s)",
    )
    parser.add_argument(
        "--add", action="store_true", help="add the rounds to those of the last results"
    )
    parser.add_argument(
        "--report-only", action="store_true", help="only write the tables of the last results again"
    )
    return parser.parse_args(arguments)
