"""Steady clocks, deadlines, time limits and backoff."""
