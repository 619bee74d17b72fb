"""The number of connections from which on a factory shares an epoll, if a test run sets it."""

import os

from txws2._transport import epoll_sharing as sharing

FROM = {"always": 1, "never": 10**9}
"""The choices of the command line; without one, it stays as users have it."""

VARIABLE = "TXWS2_TESTS_SHARE_EPOLL"
"""This environment variable passes the choice to the processes that a test run starts."""


def share(word):
    """Apply a choice; None leaves it as users have it."""
    if word:
        sharing._WORTH_WHILE = FROM[word]


def share_as_told():
    """Apply the choice of the environment."""
    share(os.environ.get(VARIABLE))
