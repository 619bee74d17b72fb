"""Clocks that no change of the system's time moves, deadlines, and waiting times."""
