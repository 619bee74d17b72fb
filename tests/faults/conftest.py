"""The figures that `make faults` prints at its end."""

from tests.faults.figures import FILE, rows, table


def pytest_terminal_summary(terminalreporter):
    if rows:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(table())
        terminalreporter.section("figures")
        terminalreporter.write(table())
