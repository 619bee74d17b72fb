"""Results as the comparison has them, without having measured anything."""


def run(workload, server, cpu=None, **figures):
    """Return what one measurement comes to."""
    found = {} if cpu is None else {"server_cpu_us": cpu}
    return {"workload": workload, "server": server, "round": 1} | found | figures


def results(runs, servers, workloads, problems=None):
    """Return what a comparison comes to."""
    return {
        "date": "2026-11-22",
        "machine": {
            "processor": "A Processor, 2 cores",
            "kernel": "Linux 6",
            "python": "CPython 3",
            "node": "v20",
        },
        "versions": ["txws2 1", "ws 2"],
        "rounds": 3,
        "seconds": 1.5,
        "workloads": workloads,
        "servers": servers,
        "problems": problems or {},
        "runs": runs,
    }
