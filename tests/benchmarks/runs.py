"""Results as the comparison has them, without having measured anything."""


def run(workload, program, cpu=None, **figures):
    """Return the results of one measurement."""
    found = {} if cpu is None else {"cpu_us": cpu}
    return {"workload": workload, "program": program, "round": 1} | found | figures


def results(runs, servers=(), workloads=(), problems=None, clients=()):
    """Return the results of a comparison."""
    return {
        "date": "2026-11-22",
        "machine": {
            "processor": "A Processor, 2 cores",
            "kernel": "Linux 6",
            "python": "CPython 3",
            "node": "v20",
        },
        "versions": ["txws2 1", "ws 2"],
        "seconds": 1.5,
        "workloads": workloads,
        "servers": servers,
        "clients": clients,
        "problems": problems or {},
        "runs": runs,
    }
