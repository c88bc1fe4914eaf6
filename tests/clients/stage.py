"""Where a bot plays: the simulated Discord alone, or the same behind Shardyard, each with the verbs of the plays."""
import argparse
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

from play import HERE, TOKEN, Failure, free_port, wait_for, world_of
from cluster import Cluster, Process
from run import installed_packages

GUILDS, RATE = 60, 40


class Stage:
    """What both have: `origin` for bots, `control` of the simulator, `http` to it, a port for a voice server."""

    http = Cluster.http

    def sim_arguments(self, more):
        self.voice_port = free_port()
        # Discord asks for a heartbeat now and then.
        return ["--truth-digests", "--heartbeat-requests", "6", "--voice-endpoint", f"127.0.0.1:{self.voice_port}", *more]

    def stats(self):
        return self.http("/stats")

    def guilds(self):
        return sorted(row["id"] for row in self.http("/guilds"))

    def world(self):
        """All guilds as they are; to be asked when nothing happens."""
        return world_of(self.http)

    def truth_lines(self):
        with urllib.request.urlopen(self.control + "/truth", timeout=30) as answer:
            return answer.read().decode()

    def load(self, rate=RATE, **more):
        self.http("/world", {"rate": rate, **more})

    def occurred(self, more, seconds=60):
        """Waits until so many more events have happened."""
        goal = self.stats()["occurrences"] + more
        wait_for(f"{more} more events", lambda: self.stats()["occurrences"] >= goal, seconds)

    def rest(self, seconds=30):
        """Nothing happens any more and everything has left the simulator."""
        self.load(0, interactions=0)
        wait_for("the simulator's rest", lambda: self.stats()["in_flight"] == 0, seconds)


class Direct(Stage):
    """The simulated Discord alone."""

    at_discord = True

    def __init__(self, program, folder, seed, settings=(), sim=()):
        self.program = program
        port_file = os.path.join(folder, "sim.port")
        self.sim = Process("sim", [program, "sim", "--port", "0", "--port-out", port_file, "--token", TOKEN, "--guilds", str(GUILDS),
                                   "--rate", "0", "--seed", str(seed), "--max-concurrency", "16",
                                   *self.sim_arguments(sim)], folder).start()
        wait_for("the simulated Discord's start", lambda: os.path.exists(port_file) and open(port_file).read().strip())
        self.origin = f"http://127.0.0.1:{int(open(port_file).read())}"
        self.control = self.origin
        self.processes = [self.sim]

    def stop(self):
        self.sim.stop()


class Through(Stage, Cluster):
    """The same behind Shardyard. The bot connects to node a."""

    at_discord = False

    def __init__(self, program, folder, seed, settings=(), sim=()):
        ports = {name: free_port() for name in "ab"}
        super().__init__(program, folder, str(HERE.parents[1]), guilds=GUILDS, rate=RATE, seed=seed, shards=2, failover=True,
                         settings=["handover.stable_for_s=2", "handover.quiet_s=5", "handover.probe_interval_s=1", *settings],
                         sim=self.sim_arguments(sim), bots={name: f"127.0.0.1:{port}" for name, port in ports.items()})
        self.origin = f"http://127.0.0.1:{ports['a']}"
        self.processes = [self.sim, self.coordinator, *self.nodes]
        try:
            self.wait_live(2, 30)
        except Failure as failure:
            self.stop()
            raise Failure(f"{failure}\n" + "".join(f"-- end of {p.name}.log:\n{p.tail()}" for p in self.processes)) from failure

    def report(self):
        return self.ask("report") or {}

    def reshard(self, count, overlap=None):
        """`overlap()` is done once the new sessions run beside the old ones."""
        self.run("reshard", str(count), "--json")
        wait_for(f"the overlap of the reshard to {count}", lambda: self.report().get("state") in ("moving", "settling", "done"), 40)
        if overlap:
            overlap()
        wait_for(f"the end of the reshard to {count}", lambda: self.report().get("state") == "done", 60)
        self.wait_live(count, 30)


def run(play, parser, of_stage):
    """main() of a script: `play(stage, packages, options, folder)` on the stage that the command line names, made with what
    `of_stage(options)` says. Exit codes: 0 all held, 1 something did not, 77 the npm packages are not there."""
    parser.add_argument("--through", choices=["discord", "shardyard"], default="shardyard")
    parser.add_argument("--shardyard", default="build/release/shardyard", help="the program (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="seed of the world")
    parser.add_argument("--keep", action="store_true", help="keep logs and lines, and say where")
    options = parser.parse_args()
    packages = installed_packages()
    folder = tempfile.mkdtemp(prefix="shardyard-bots-")
    stage = None
    print(f"through {options.through}, seed {options.seed}", flush=True)
    try:
        place = Direct if options.through == "discord" else Through
        stage = place(os.path.abspath(options.shardyard), folder, options.seed, **of_stage(options))
        play(stage, packages, options, folder)
        return 0
    except (Failure, subprocess.TimeoutExpired) as failure:
        print(f"FAILED: {failure}")
        for process in stage.processes if stage else []:
            print(f"-- end of {process.name}.log:\n{process.tail()}")
        return 1
    finally:
        if stage:
            stage.stop()
        if options.keep:
            print(f"logs and lines: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
