"""Renames the runs of a version before runs began with a letter: 0d61eaa76b15 becomes r0d61eaa76b15.

`python scripts/maintenance/rename_runs.py [OUTPUTS]` with the project's Python, where OUTPUTS is a folder of outputs.
Runs that are not complete are left as they are. Afterwards repeat your commands: they find the runs, train nothing and
write tables and figures with the new names.
"""

import re
import shutil
import sys
from pathlib import Path

from fmnist_lab.runs.record import SUMMARY, Record


def main(outputs: Path) -> None:
    old = [Record(path) for path in sorted((outputs / "runs").iterdir()) if re.fullmatch("[0-9a-f]{12}", path.name)]
    renamed = [record for record in old if rename(record)]
    print(f"{len(renamed)} of {len(old)} runs renamed; the others are not complete, or have been renamed before")


def rename(old: Record) -> bool:
    """Write the record again under its new name and remove the old one; return whether it could be done."""
    summary, new = old.summary(), Record(old.folder.with_name(f"r{old.run}"))
    if summary is None or old.damage() or new.summary():
        return False
    shutil.copytree(old.folder, new.folder, ignore=shutil.ignore_patterns(SUMMARY), dirs_exist_ok=True)
    new.finish({name: value for name, value in summary.items() if name not in ("format", "run", "files")})
    shutil.rmtree(old.folder)
    return True


if __name__ == "__main__":
    main(Path(*(sys.argv[1:2] or ["outputs"])))
