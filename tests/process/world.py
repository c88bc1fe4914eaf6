"""What the process tests share: one small simulated world with a coordinator and nodes, and the verbs of the claims.

A test file is a list of functions, each a claim about real processes. Conditions are awaited with a bound; nothing
sleeps for a fixed time in place of a condition.
"""
import argparse
import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "scripts"))
from cluster import Cluster, Failure, wait_for  # noqa: E402, F401

SKIPPED = 77
QUICK = ("handover.stable_for_s=1", "handover.quiet_s=2", "handover.probe_interval_s=1")


def expect(condition, text):
    if not condition:
        raise Failure(text)


class World(Cluster):
    """A cluster of 200 guilds with verbs that wait for what they bring about."""

    def report(self):
        return self.ask("report") or {}

    def state(self):
        return self.report().get("state")

    def await_state(self, *states, seconds=30):
        def reached():
            state = self.state()
            return state if state in states else None
        passing = not {"done", "aborted"}.issuperset(states)
        return wait_for(f"a plan in state {' or '.join(states)}", reached, seconds, closely=passing)

    def begin(self, *arguments):
        """Begins a reshard; returns at once."""
        return self.run("reshard", *[str(x) for x in arguments], "--json")

    def reshard(self, *arguments):
        """Begins a reshard and waits for its end; returns its report."""
        self.begin(*arguments)
        return self.await_done()

    def await_done(self, seconds=45):
        self.await_state("done", seconds=seconds)
        return self.report()

    def await_shards(self, count, seconds=30):
        """The shards of one topology are live and no other runs."""
        def only():
            status = self.ask("status")
            running = [s for s in status["shards"] if s["state"] != "closed"] if status else []
            return (len(running) == count and all(s["state"] == "live" and s["shard"].endswith(f"/{count}") for s in running)
                    and status)
        return wait_for(f"only {count} shards, all live", only, seconds)

    def stats(self):
        return self.http("/stats")

    def identifies(self):
        return self.stats()["identifies_used"]

    def delivered(self, more=1, seconds=20):
        """Waits until `more` further events happened: load went over what was just done."""
        goal = self.stats()["occurrences"] + more
        wait_for(f"{more} more events", lambda: self.stats()["occurrences"] >= goal, seconds)

    def finish(self, redelivered_allowed=False, withheld=None):
        """Ends the load, waits for the last delivery, and demands the promise; returns the audit's figures. `withheld`: a lane of
        which Discord kept events from every session, so that nobody could deliver these."""
        self.load(0)
        wait_for("the last deliveries", self.settled, 30)
        code, audit = self.audit()
        judged = audit["judged"]
        print(f"   happened {judged['happened']} delivered {judged['delivered']} lost {judged['lost']} doubled {judged['doubled']} "
              f"redelivered {judged['redelivered']} re-ordered {judged['reordered']} late {judged['late']} "
              f"cuts {audit['cuts']} gaps {audit['gaps']}", flush=True)
        if withheld:
            lost = {lane: figures["lost"] for lane, figures in audit["lanes"].items()
                    if figures["lost"] and lane != "best_effort"}
            expect(lost == {withheld: audit["lost_uncarried"]}, f"lost {lost}, of which no session carried {audit['lost_uncarried']}: "
                   f"{audit['examples'][:5]}")
            expect(audit["reasons"] == [audit["reasons"][0]] and "lost" in audit["reasons"][0], f"the audit failed: {audit['reasons']}")
        else:
            expect(code == 0 and audit["passed"], f"the audit failed: {audit['reasons']} {audit['examples'][:5]}")
        if not redelivered_allowed:
            expect(judged["redelivered"] == 0, f"{judged['redelivered']} redelivered, though no reader of a sink crashed")
        broken = self.http("/violations")
        expect(not broken, f"rules of Discord broken: {broken[:3]}")
        return audit


@contextlib.contextmanager
def world(options, nodes=2, shards=2, guilds=200, rate=300, settings=(), sim=(), tls=False,
          settings_in=lambda folder: (), failover=False, of_node=()):
    """A running world under load; ended with everything that it started."""
    folder = tempfile.mkdtemp(prefix="syp-")
    made = None
    try:
        made = World(options.program, folder, SOURCE, nodes=nodes, guilds=guilds, rate=rate, seed=options.seed, shards=shards,
                     settings=[*QUICK, *settings, *settings_in(folder)], sim=sim, tls=tls, failover=failover, of_node=of_node)
        made.wait_live(shards, 30)
        made.load(rate)
        yield made
    except BaseException:
        for process in [made.coordinator, *made.nodes] if made else []:
            print(f"-- end of {process.name}.log:\n{process.tail(25)}", flush=True)
        raise
    finally:
        if made:
            made.stop()
        if options.keep:
            print(f"   kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def run(*claims, lacks=None):
    """main() of a test file: runs all claims, or those named. `lacks`: what this machine does not have and all of them need."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true", help="name the claims, run none")
    parser.add_argument("--program", default=os.path.join(SOURCE, "build/release/shardyard"), help="the shardyard program")
    parser.add_argument("--build", help="the build folder that the package is installed from")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SHARDYARD_TEST_SEED", random.randrange(1, 1 << 31))))
    parser.add_argument("--keep", action="store_true", help="keep logs and events")
    parser.add_argument("claims", nargs="*", help="names of claims; without any, all")
    options = parser.parse_args()
    if options.list:
        print("\n".join(claim.__name__ for claim in claims))
        sys.exit(0)
    if lacks:
        print(f"skipped: {lacks}")
        sys.exit(SKIPPED)
    unknown = set(options.claims) - {claim.__name__ for claim in claims}
    if unknown:
        parser.error(f"no claim is named {', '.join(sorted(unknown))}; --list names them")
    options.program = os.path.abspath(options.program)
    failed = []
    for claim in claims:
        if options.claims and claim.__name__ not in options.claims:
            continue
        started = time.monotonic()
        print(f"-- {claim.__name__}   (seed {options.seed})", flush=True)
        try:
            claim(options)
            print(f"   ok, {time.monotonic() - started:.1f} s", flush=True)
        except Exception:  # a claim that fails does not hide the next one
            failed.append(claim.__name__)
            traceback.print_exc(file=sys.stdout)
            print(f"   FAILED after {time.monotonic() - started:.1f} s", flush=True)
    if failed:
        print(f"failed with seed {options.seed}: {', '.join(failed)}")
    sys.exit(1 if failed else 0)
