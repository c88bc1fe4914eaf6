#!/usr/bin/env python3
"""What the loss of hosts, a failover and the move of a shard take: runs cells of tests/cluster, prints each figure beside its target."""
import argparse
import os
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(SOURCE, folder) for folder in ("scripts", os.path.join("tests", "cluster"))]
import campaign  # noqa: E402, F401 (registers all cells)
from scene import LEASE_S, Unsupported, add_options, run_cell  # noqa: E402

# cell, what it measures, target
FIGURES = (
    ("a_shard_is_moved", "socket closed, median (ms)", 50),
    ("a_shard_is_moved", "socket closed, longest (ms)", 300),
    ("a_host_is_killed", "shards resumed (s)", 3),
    ("a_host_is_killed", "guilds delivered (s)", LEASE_S + 2),
    ("a_host_sleeps_and_awakes", "shards resumed (s)", 8),
    ("a_host_sleeps_and_awakes", "guilds delivered (s)", LEASE_S + 2),
    ("a_host_is_cut_off", "shards resumed (s)", 8),
    ("a_host_is_cut_off", "guilds delivered (s)", LEASE_S + 2),
    ("a_verb_waits_for_the_next_coordinator", "a verb answered (s)", 5),
)


def main():
    parser = argparse.ArgumentParser(prog="bench/hosts.py", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    add_options(parser)
    options = parser.parse_args()
    measured, good = {}, True
    for cell in dict.fromkeys(row[0] for row in FIGURES):
        try:
            figures, wrong = run_cell(options, cell, options.seed)
            measured[cell] = (figures or {}).get("measured", {})
            good = good and not wrong
        except Unsupported as why:
            print(f"   left out: {why}", flush=True)
    print(f"\n{'figure':<76} {'value':>8} {'target':>8}")
    for cell, what, target in FIGURES:
        value = measured.get(cell, {}).get(what)
        verdict = "not measured" if value is None else "met" if value <= target else "not met"
        good = good and verdict != "not met"
        print(f"{cell + ': ' + what:<76} {'-' if value is None else value:>8} {target:>8}  {verdict}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
