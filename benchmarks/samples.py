"""What samples cost over running the same bodies n times: `python benchmarks/samples.py [--quick]`.

One test with `samples(n)` and the same body parametrised n times, each in a lane process of its own, in pairs, their
order changing; the table shows seconds and the median of the ratios of one run. HARNESS promises at most 1.05.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.lane_project import LaneProject

BODIES = {"empty": "pass", "5 ms": "time.sleep(0.005)"}
SAMPLED = "import time, pytest\n@pytest.mark.samples({n})\ndef test_x(sample): {body}\n"
PLAIN = "import time, pytest\n@pytest.mark.parametrize('i', range({n}))\ndef test_x(i): {body}\n"


def seconds(text: str) -> float:
    """Run a file's tests in a lane process and return how long that took."""
    with tempfile.TemporaryDirectory() as folder:
        project = LaneProject(Path(folder))
        project.write("tests/test_it.py", text)
        began = time.perf_counter()
        ran = project.run(kind="nondeterministic", seed=1)
        taken = time.perf_counter() - began
    if ran.status:
        sys.exit(ran.output)
    return taken


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer samples and pairs")
    quick = parser.parse_args().quick
    n, pairs = (200, 3) if quick else (1000, 9)
    print(f"{'body':8} {'n':>5} {'plain s':>8} {'samples s':>9} {'ratio':>6}")
    for name, body in BODIES.items():
        texts = (PLAIN.format(n=n, body=body), SAMPLED.format(n=n, body=body))
        taken: list[tuple[float, float]] = []
        for pair in range(pairs):
            order = (0, 1) if pair % 2 else (1, 0)
            found = {which: seconds(texts[which]) for which in order}
            taken.append((found[0], found[1]))
        plain, sampled = (statistics.median(column) for column in zip(*taken, strict=True))
        ratio = statistics.median(second / first for first, second in taken)
        print(f"{name:8} {n:5} {plain:8.2f} {sampled:9.2f} {ratio:6.3f}")


if __name__ == "__main__":
    main()
