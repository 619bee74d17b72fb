"""The pictures, if matplotlib is installed."""

from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.sweeps import SIZES
from tests.benchmarks.runs import results, run

RUNS = [
    run("echo", "txws2", 20),
    run("feed100", "txws2-iter", 1.5),
    run("feed100", "picows", 1.2),
    run("idle", "txws2", kib=9.876),
    *(run(f"echo-sizes-{size}", "txws2", 5 + size) for size in SIZES),
    *(run(f"feed-sizes-{size}", "picows", 1 + size) for size in SIZES),
]
RESULTS = results(RUNS, ["txws2"], clients=["txws2-iter", "picows"])


class PicturesTests(SynchronousTestCase):
    if find_spec("matplotlib") is None:
        skip = "matplotlib isn't installed; make bench installs it"

    def words(self, draw, found):
        """Return the words of a picture."""
        path = Path(self.mktemp())
        draw(found, path)
        elements = ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
        return ["".join(element.itertext()) for element in elements]

    def test_each_load_has_bars_for_its_programs(self):
        from benchmarks.bars import draw

        words = self.words(draw, RESULTS)
        for expected in "echo, CPU µs", "20.0", "feed100, CPU µs", "picows", "idle, KiB", "9.88":
            self.assertIn(expected, words)

    def test_the_front_page_has_bars_of_servers_for_a_few_loads(self):
        from benchmarks.bars import draw_front

        words = self.words(draw_front, RESULTS)
        self.assertLessEqual({"echo, CPU µs", "20.0", "idle, KiB"}, set(words))
        self.assertNotIn("feed100, CPU µs", words)

    def test_each_sweep_has_lines_for_its_programs(self):
        from benchmarks.curves import draw

        words = self.words(draw, RESULTS)
        for expected in "servers: echo of one binary message", "4 MiB", "txws2", "picows":
            self.assertIn(expected, words)

    def test_the_same_results_make_the_same_picture(self):
        from benchmarks.curves import draw

        pictures = [Path(self.mktemp()) for _ in range(2)]
        for path in pictures:
            draw(RESULTS, path)
        self.assertEqual(*(path.read_bytes() for path in pictures))

    def test_results_without_a_sweep_make_a_picture_without_lines(self):
        from benchmarks.curves import draw

        self.assertNotIn("txws2", self.words(draw, results([])))
