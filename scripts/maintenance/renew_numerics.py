"""Stores the numerics stamp with the digest of the source, after the golden runs have given the numbers of the stamp.

`python scripts/maintenance/renew_numerics.py` with the project's Python, after an edit that changes no number: runs of
the version before are found again. After an edit that changes numbers, write the new ones and the next stamp into
tests/runs/test_numerics.py first, and give the stamp: `python scripts/maintenance/renew_numerics.py 2`.
"""

import json
import subprocess
import sys

from fmnist_lab.runs.numerics import STORED, current


def main(stamp: int) -> int:
    tests = ["tests/runs/test_numerics.py", "-k", "golden", "-m", "", "-n", "0", "-q"]
    if status := subprocess.run([sys.executable, "-m", "pytest", *tests]).returncode:
        return status
    STORED.write_text(json.dumps(current(stamp), indent=2) + "\n", "utf-8", newline="\n")
    print(f"{STORED.name}: stamp {stamp}")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else json.loads(STORED.read_text("utf-8"))["stamp"]))
