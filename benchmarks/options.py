"""The command line of `python -m benchmarks`."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence

from benchmarks.peers import SERVERS
from benchmarks.workloads import WORKLOADS

__all__ = ["parse"]


def _positive(convert: type) -> object:
    """Return what reads a number above 0."""

    def read(text: str) -> float:
        value: float = convert(text)
        if not value > 0:
            raise ArgumentTypeError(f"{text} isn't more than 0")
        return value

    read.__name__ = convert.__name__
    return read


def parse(arguments: Sequence[str] | None = None) -> Namespace:
    """Read the command line; None for that of this process."""
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
            help=f"of {', '.join(choices)}; all by default",
        )
    parser.add_argument(
        "--rounds", type=_positive(int), default=3, help="the median counts (%(default)s)"
    )
    parser.add_argument(
        "--seconds", type=_positive(float), default=3, help="of a measurement (%(default)s)"
    )
    parser.add_argument(
        "--report-only", action="store_true", help="write the tables of the last results again"
    )
    return parser.parse_args(arguments)
