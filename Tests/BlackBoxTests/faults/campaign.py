"""Plays every scenario and prints the table of docs/durability.md: `make faults`.

Names of scenarios as arguments choose some of them; MARTLET_TEST_FULL=1 asks for the long forms.
"""

import os
import sys
import time
import traceback

from . import scenes_disk, scenes_files, scenes_power, scenes_process, scenes_time  # noqa: F401
from .scenario import SCENARIOS, Missing, perform


def main() -> int:
    full = os.environ.get("MARTLET_TEST_FULL") == "1"
    chosen = [item for item in SCENARIOS if not sys.argv[1:] or item.name in sys.argv[1:]]
    print("| scenario | operations acknowledged | not acknowledged | lost | note |\n|---|---|---|---|---|")
    failed, total = 0, 0
    for item in chosen:
        began = time.monotonic()
        try:
            row = perform(item, full)
            lost = f"{row.lost} (wanted: the control)" if item.is_control else str(row.lost)
            print(f"| {row.title} | {row.acknowledged:,} | {row.unanswered:,} | {lost} | {row.note} |", flush=True)
            total += 0 if item.is_control else row.acknowledged
        except Missing as missing:
            print(f"| {item.title} | – | – | – | skipped: {missing} |", flush=True)
        except Exception:
            failed += 1
            print(f"| {item.title} | | | FAILED | |", flush=True)
            traceback.print_exc()
        print(f"{item.name}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    print(f"| **all but the controls** | **{total:,}** | | **{'see above' if failed else 0}** | |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
