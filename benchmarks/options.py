"""The command line of `python -m benchmarks`."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence

from benchmarks.peers import SERVERS
from benchmarks.workloads import WORKLOADS

__all__ = ["parse"]


def _positive(convert: type) -> object:
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
        description="Compare WebSocket servers: CPU for each message, memory for each connection.",
    )
    for name, choices in {"workloads": WORKLOADS, "servers": SERVERS}.items():
        parser.add_argument(
            f"--{name}",
            nargs="+",
            choices=choices,
            default=list(choices),
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
        default=3,
        help="length of a measurement (%(default)s)",
    )
    parser.add_argument(
        "--report-only", action="store_true", help="only write the tables of the last results again"
    )
    return parser.parse_args(arguments)
