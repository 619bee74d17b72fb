"""Counts, for comparison."""

COUNTS = "bytes_in", "bytes_out", "payload_in", "payload_out", "frames_in", "frames_out"


def counted(tally):
    """Return all counts of a Tally, by name."""
    return {name: getattr(tally, name) for name in COUNTS}
