"""How fast txws2 is, and what it costs, beside other WebSocket servers.

`python -m benchmarks` runs the comparison; docs/performance.rst says how to read it.
"""
