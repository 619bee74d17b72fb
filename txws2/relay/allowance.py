"""A limit on the rate of publishing, for each connection and for each token."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from typing import Any

from txws2.relay.wording import RelayError

__all__ = ["Allowance", "Allowances"]


class Allowance:
    """The number of requests that one client may make now.

    So many as the rate says may come at once. Then the allowance grows again, evenly.
    """

    __slots__ = ("_full",)

    def __init__(self) -> None:
        # The time at which the allowance is whole again (the GCRA of ATM switches).
        self._full = 0.0

    def take(self, now: float, rate: int | None, most: int | None = None) -> None:
        """Take one request from the allowance.

        Args:
            now: the time in seconds.
            rate: the number of requests in a second; None for no limit.
            most: the number of requests at once; None for that of a second.

        Raises:
            RelayError: the client must wait.
        """
        if rate is None:
            return
        full = max(self._full, now)
        wait = full - now - ((most or rate) - 1) / rate
        # An error of rounding is no reason to refuse.
        if wait > 1e-6:
            raise RelayError(
                "too-fast", f"at most {rate} requests a second are allowed here", ceil(wait)
            )
        self._full = full + 1 / rate

    def is_whole(self, now: float) -> bool:
        """Tell whether nothing is taken from the allowance."""
        return self._full <= now


class Allowances:
    """The allowances of HTTP clients, by the names of these.

    Args:
        rate: the number of requests in a second; None for no limit.
        clock: tells the time.
    """

    def __init__(self, rate: int | None, clock: Any) -> None:
        self._rate = rate
        self._clock = clock
        # In the order of the last use. Each is whole a second after that.
        self._taken: OrderedDict[str, Allowance] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of clients that are remembered."""
        return len(self._taken)

    def take(self, client: str) -> None:
        """Take one request from the allowance of a client.

        Raises:
            RelayError: the client must wait.
        """
        now = self._clock.seconds()
        while self._taken:
            oldest, allowance = next(iter(self._taken.items()))
            if not allowance.is_whole(now):
                break
            del self._taken[oldest]
        allowance = self._taken.setdefault(client, Allowance())
        self._taken.move_to_end(client)
        allowance.take(now, self._rate)
