"""A comparison of txws2 with other WebSocket servers, in CPU time and memory.

`python -m benchmarks` runs the comparison; docs/performance.rst explains the results.
"""
