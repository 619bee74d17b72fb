from twisted.trial.unittest import SynchronousTestCase

from tests.faults import figures
from tests.faults.figures import Memory, note, table

MIB = 2**20


class FiguresTests(SynchronousTestCase):
    def test_the_notes_are_a_table_in_the_order_of_the_attacks(self):
        self.patch(figures, "rows", [])
        note(22, "a fault", "much", "100", Memory(MIB, 2 * MIB, None))
        note(5, "another", "more", "20", Memory(MIB, 3 * MIB // 2, MIB), lost=7)
        note(None, "none", "little", "1", Memory(0, 0, 0))
        _, *found = table().split("   * -")
        self.assertEqual(
            [[cell.strip(" -") for cell in row.splitlines()] for row in found],
            [
                ["#", "Fault", "Result", "Other clients", "MiB before, peak, after", "Lost"],
                ["", "none", "little", "1", "0.0, 0.0, 0.0", "0"],
                ["5", "another", "more", "20", "1.0, 1.5, 1.0", "7"],
                ["22", "a fault", "much", "100", "1.0, 2.0,", "0"],
            ],
        )
