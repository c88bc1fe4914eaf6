"""What the scenes of several hosts share: a running cluster under load, the verbs of the scenes, and the verdict.

A cell is a function that is given a loaded cluster and does something to it. Whatever it does, the verdict is the same: every event file
of every host against the simulated Discord's truth, Discord's rules, and the number of IDENTIFYs.
"""
import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
for room in ("scripts", "tests/process"):
    sys.path.insert(0, os.path.join(SOURCE, room))
from cluster import Failure, wait_for  # noqa: E402
from hosts import HOSTS, LEASE_S, PARTITIONS, Deliveries, HostCluster  # noqa: E402
from host_network import Unsupported  # noqa: E402
from world import QUICK, World, expect  # noqa: E402

SKIPPED = 77
CELLS = {}


def cell(shards=6, start=None, store="sqlite", crash=False, extra_identifies=0, gaps=False, needs_links=False, clocks=False, settings=(),
         sim=("--no-presences",)):
    """Registers a cell. `crash`: lines may come again with the number that they had. `extra_identifies`: sessions that may be lost
    besides those that the cell asks for. `gaps`: reported gaps with a reason are no failure; "some": there must be. `clocks`: each process has a wall clock of
    its own."""
    def register(function):
        function.scene = {"shards": shards, "start": start, "store": store, "clocks": clocks, "settings": settings, "sim": sim}
        function.crash, function.gaps, function.needs_links = crash, gaps, needs_links
        function.extra_identifies = extra_identifies
        CELLS[function.__name__] = function
        return function
    return register


class Scene(World, HostCluster):
    """Three hosts under load, with verbs that wait for what they bring about."""

    def prepare(self, seed):
        self.failed = False
        self.random = random.Random(seed)
        self.asked_identifies = 0
        self.measured = {}

    def say(self, text):
        print(f"   * {text}", flush=True)

    def some_events(self):
        """Lets a random number of events happen, so that faults hit different moments."""
        self.delivered(self.random.randint(1, 300))

    def await_served(self, by=None, seconds=60):
        """Every shard is live on one of `by` (default: any host), and no event waits for its delivery."""
        by = set(by or self.hosts)
        count = self.ask_surely("status")["shards_wanted"]

        def served():
            placed = self.placed()
            return len(placed) == count and all(node in by and state == "live" for node, state in placed.values())
        wait_for(f"{count} live shards on {sorted(by)}", served, seconds)

    def ask_surely(self, *verb):
        return wait_for(f"an answer to `{' '.join(verb)}`", lambda: self.ask(*verb), 20)

    def await_moves(self, seconds=60):
        """No shard and no partition is on its way."""
        def still():
            nodes = self.nodes_document()
            return nodes and not any(row["moving"] for row in nodes.values()) and nodes
        wait_for("the end of all moves", still, seconds)

    def await_shard_on(self, shard, node, seconds=30):
        wait_for(f"shard {shard} live on {node}", lambda: self.placed().get(shard) == (node, "live"), seconds)

    def time_until(self, name, limit, what, condition):
        """Measures how long it takes; more than `limit` seconds is a failure of the scene, said with the figure."""
        began = time.monotonic()
        wait_for(what, condition, max(60, 4 * limit), closely=True)
        self.measured[name] = round(time.monotonic() - began, 2)
        if self.measured[name] > limit:
            self.say(f"slower than meant: {name} took {self.measured[name]} s, {limit} s are the target")

    def begin_reshard(self, count):
        self.asked_identifies += count
        self.begin(count)

    def await_plan_end(self, seconds=120):
        self.await_state("done", "aborted", seconds=seconds)
        return self.state()

    def all_delivered(self, seconds=60):
        """The audit, once nothing is owed any more, or when the time is over. What a host has yet to deliver the others may not know:
        after a bad link its newest report is still in TCP's hands."""
        end = time.monotonic() + seconds
        while True:
            code, audit = self.audit()
            if not audit["judged"]["lost"] or time.monotonic() > end:
                return code, audit
            time.sleep(1)

    def verdict(self, cell):
        """Ends the load, waits until all is delivered, judges; returns the figures."""
        began = self.first_identifies + self.asked_identifies
        self.load(0)
        wait_for("the last deliveries", self.settled, 60)
        code, audit = self.all_delivered()
        judged, broken, used = audit["judged"], self.http("/violations"), self.identifies()
        wrong = list(audit["reasons"]) if code or not audit["passed"] else []
        if judged["redelivered"] and not cell.crash:
            wrong.append(f"{judged['redelivered']} redelivered, though nothing crashed")
        if audit["gaps"]["explained"] and not cell.gaps:
            wrong.append(f"{audit['gaps']['explained']} gaps, though a session could have been kept")
        if cell.gaps == "some" and not audit["gaps"]["explained"]:
            wrong.append("no gap was reported, though a session was lost")
        if used > began + cell.extra_identifies:
            wrong.append(f"{used} IDENTIFYs, {began} were needed")
        if broken:
            wrong.append(f"rules of Discord broken: {broken[:3]}")
        figures = {"events": judged["happened"], "lost": judged["lost"], "doubled": judged["doubled"],
                   "re-ordered": judged["reordered"], "redelivered": judged["redelivered"], "late": judged["late"],
                   "gaps expected": audit["gaps"]["explained"] if cell.gaps else 0,
                   "gaps unexpected": audit["gaps"]["unexplained"] + (0 if cell.gaps else audit["gaps"]["explained"]),
                   "identifies": used, "numbers": sum(audit["delivery_numbers"].values()), "measured": self.measured}
        return figures, wrong, audit["examples"][:6]


@contextlib.contextmanager
def scene(options, cell, seed):
    """A cluster under load, ended with all that it started."""
    folder = tempfile.mkdtemp(prefix="syh-")
    made = None
    try:
        made = Scene(options.program, folder, SOURCE, seed=seed % 1000 + 1, network=options.network, guilds=options.guilds,
                     rate=options.rate, **dict(cell.scene, settings=[*QUICK, *cell.scene["settings"]]))
        made.prepare(seed)
        made.wait_live(cell.scene["shards"], 60)
        made.first_identifies = made.identifies()
        made.load(options.rate)
        made.delivered(100)
        yield made
    except Unsupported:
        raise
    except BaseException:
        for process in made.processes() if made else []:
            print(f"-- end of {process.name}.log:\n{process.tail(15)}", flush=True)
        raise
    finally:
        if made:
            made.stop()
        if options.keep or made and made.failed:
            print(f"   kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def run_cell(options, name, seed):
    """Returns (figures or nothing, what is wrong); raises Unsupported where the machine cannot do it."""
    chosen = CELLS[name]
    began = time.monotonic()
    print(f"-- {name}   (seed {seed})", flush=True)
    figures, wrong, examples = None, [], []
    try:
        with scene(options, chosen, seed) as w:
            if chosen.needs_links and not w.network.faults:
                raise Unsupported("faults of links need network namespaces (run as root)")
            chosen(w)
            figures, wrong, examples = w.verdict(chosen)
            w.failed = bool(wrong)
            if wrong:
                for process in w.processes():
                    print(f"-- end of {process.name}.log:\n{process.tail(15)}", flush=True)
    except Unsupported:
        raise
    except Exception as error:  # a cell that fails does not hide the next one
        wrong = [f"{type(error).__name__}: {error}"]
        if not isinstance(error, Failure):
            traceback.print_exc(file=sys.stdout)
    if figures:
        print("   " + "  ".join(f"{key} {value}" for key, value in figures.items()), flush=True)
    for text in [*wrong, *examples] if wrong else []:
        print(f"   ! {text}", flush=True)
    print(f"   {'FAILED' if wrong else 'ok'}, {time.monotonic() - began:.1f} s", flush=True)
    return figures, wrong


def add_options(parser):
    parser.add_argument("--program", default=os.path.join(SOURCE, "build/release/shardyard"), help="the shardyard program")
    parser.add_argument("--network", choices=("auto", "namespaces", "loopback"), default="auto",
                        help="a namespace per host, or all on 127.0.0.1 (default: namespaces where they are permitted)")
    parser.add_argument("--guilds", type=int, default=300, help="guilds in the simulated world (default 300)")
    parser.add_argument("--rate", type=int, default=200, help="events per second (default 200)")
    parser.add_argument("--keep", action="store_true", help="keep logs and events, and say where; of a cell whose audit fails they are always kept")


__all__ = ["CELLS", "HOSTS", "LEASE_S", "PARTITIONS", "SKIPPED", "Deliveries", "Failure", "Scene", "Unsupported", "add_options", "cell",
           "expect", "run_cell", "wait_for"]
