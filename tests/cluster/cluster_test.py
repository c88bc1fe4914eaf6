#!/usr/bin/env python3
"""Runs cells by name, or all; code 77 when none of them is possible here."""
import argparse
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clocks  # noqa: E402, F401
import leaders  # noqa: E402, F401
import losses  # noqa: E402, F401
import matrix  # noqa: E402, F401
import moves  # noqa: E402, F401
import writes  # noqa: E402, F401
from scene import CELLS, SKIPPED, Unsupported, add_options, run_cell  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SHARDYARD_TEST_SEED", random.randrange(1, 1 << 31))))
    parser.add_argument("cells", nargs="*", metavar="CELL", help="names of cells; without any, all; `list` names them")
    options = parser.parse_args()
    if options.cells == ["list"]:
        print("\n".join(CELLS))
        return 0
    unknown = [name for name in options.cells if name not in CELLS]
    if unknown:
        parser.error(f"no cell is named {', '.join(unknown)}; `list` names them")
    failed, ran = [], 0
    for name in options.cells or CELLS:
        try:
            failed += [name] if run_cell(options, name, options.seed)[1] else []
            ran += 1
        except Unsupported as reason:
            print(f"   skipped: {reason}", flush=True)
    if failed:
        print(f"failed with seed {options.seed}: {', '.join(failed)}")
        return 1
    return 0 if ran else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
