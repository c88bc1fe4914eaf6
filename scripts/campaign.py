"""Runs random cells of tests/cluster with random seeds until the time is over; prints failing seeds and a table."""
import argparse
import json
import os
import random
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "tests", "cluster"))
import clocks  # noqa: E402, F401
import leaders  # noqa: E402, F401
import losses  # noqa: E402, F401
import matrix  # noqa: E402, F401
import moves  # noqa: E402, F401
import writes  # noqa: E402, F401
from scene import CELLS, Unsupported, add_options, run_cell  # noqa: E402

SUMS = ("events", "lost", "doubled", "re-ordered", "redelivered", "gaps expected", "gaps unexpected")


def parse():
    parser = argparse.ArgumentParser(prog="scripts/campaign", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="no cell begins after that (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the choice of cells and of their seeds (default 1)")
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="only these")
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON")
    add_options(parser)
    options = parser.parse_args()
    unknown = [name for name in options.cells or () if name not in CELLS]
    if unknown:
        parser.error(f"no cell is named {', '.join(unknown)}; allowed: {', '.join(CELLS)}")
    return options


def rounds(names, chance):
    """All cells in random order, again and again, so that a short campaign hits as many as it can."""
    while True:
        order = list(names)
        chance.shuffle(order)
        yield from order


class Row:
    def __init__(self):
        self.runs, self.failed, self.sums, self.measured = 0, [], dict.fromkeys(SUMS, 0), {}

    def add(self, figures, seed, wrong):
        self.runs += 1
        for key in SUMS:
            self.sums[key] += figures[key] if figures else 0
        for what, value in (figures or {}).get("measured", {}).items():
            self.measured.setdefault(what, []).append(value)
        if wrong:
            self.failed.append({"seed": seed, "why": wrong})


def table(rows):
    lines = [["cell", "runs", "failed", *SUMS]]
    for name, row in sorted(rows.items()):
        lines.append([name, row.runs, len(row.failed), *row.sums.values()])
    lines.append(["all", sum(r.runs for r in rows.values()), sum(len(r.failed) for r in rows.values()),
                  *(sum(r.sums[key] for r in rows.values()) for key in SUMS)])
    widths = [max(len(f"{line[i]:,}" if isinstance(line[i], int) else line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(f"{x:>{w},}" if isinstance(x, int) else f"{x:<{w}}" if x is line[0] else f"{x:>{w}}"
                        for x, w in zip(line, widths)))


def times(rows):
    """Measured times, the worst of each cell."""
    lines = [(name, what, f"{sorted(values)[len(values) // 2]:g}", f"{max(values):g}", f"{len(values)}")
             for name, row in sorted(rows.items()) for what, values in sorted(row.measured.items())]
    if not lines:
        return
    lines.insert(0, ("cell", "measured", "median", "greatest", "of"))
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    print()
    for line in lines:
        print("  ".join(f"{x:<{w}}" if i < 2 else f"{x:>{w}}" for i, (x, w) in enumerate(zip(line, widths))))


def main():
    options = parse()
    chance = random.Random(options.seed)
    names, rows, skipped = sorted(options.cells or CELLS), {}, set()
    end = time.monotonic() + 60 * options.minutes
    for name in rounds(names, chance):
        if time.monotonic() >= end or len(skipped) == len(names):
            break
        seed = chance.randrange(1, 1 << 31)
        if name in skipped:
            continue
        try:
            rows.setdefault(name, Row()).add(*_in_order(run_cell(options, name, seed), seed))
        except Unsupported as reason:
            rows.pop(name, None)
            skipped.add(name)
            print(f"   skipped: {reason}", flush=True)
    print(f"\ncampaign with seed {options.seed}, {options.minutes:g} minutes: {len(rows)} of {len(names)} cells hit"
          + (f", {len(skipped)} not possible here" if skipped else "") + "\n")
    table(rows)
    times(rows)
    failures = [(name, x) for name, row in sorted(rows.items()) for x in row.failed]
    for name, x in failures:
        print(f"! {name}: tests/cluster/cluster_test.py --seed {x['seed']} {name}: {'; '.join(x['why'])[:300]}")
    if options.json:
        with open(options.json, "w") as out:
            json.dump({"seed": options.seed, "minutes": options.minutes,
                       "cells": {name: {"runs": row.runs, "failed": row.failed, "measured": row.measured, **row.sums} for name, row in rows.items()}}, out, indent=1)
    return 1 if failures else 0


def _in_order(result, seed):
    figures, wrong = result
    return figures, seed, wrong


if __name__ == "__main__":
    sys.exit(main())
