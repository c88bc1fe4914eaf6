"""A build is replaced by another one, process by process, while events flow; failover and TLS are on, as in production.

`shardyard-next` stands for the other build: the same program, which reports another version.
"""
import contextlib
import os
import subprocess

from world import expect, run, wait_for, world

HOSTS = ("a", "b", "c")
SHARDS = 6


def version_of(program):
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout.split()[-1]


class Upgrade:
    """A world of three hosts and a coordinator, with the verbs of the operating guide's "Rolling upgrade"."""

    def __init__(self, w, builds):
        self.w, self.builds, self.shards = w, builds, SHARDS
        self.processes = dict(zip(HOSTS, w.nodes)) | {"coordinator": w.coordinator}
        self.spread()
        self.identifies_before = w.identifies()

    def rows(self):
        return {row["node"]: row for row in (self.w.ask("nodes") or {"nodes": []})["nodes"]}

    def versions(self):
        return {name: row["version"] for name, row in self.rows().items()}

    def expect_versions(self, text):
        """`text`: one word per process, in the order of HOSTS and then the coordinator: which build it should be."""
        wanted = dict(zip((*HOSTS, "coordinator"), (self.builds[word].version for word in text.split())))
        found = wait_for(f"versions {wanted}", lambda: self.versions() == wanted and wanted, 20)
        print(f"   nodes shows {found}", flush=True)

    def empty(self, name):
        row = self.rows().get(name)
        return row and row["cordoned"] and not (row["shards"] or row["partitions"] or row["moving"])

    def spread(self):
        """Every host has its share and nothing is on its way."""
        def shared():
            rows = self.rows()
            return all(name in rows and rows[name]["state"] == "up" and rows[name]["shards"] and rows[name]["partitions"]
                       and not rows[name]["moving"] for name in HOSTS)
        wait_for("a share for every host", shared, 40)
        self.w.await_shards(self.shards)

    def restart(self, name, build):
        """Ends a process and starts it from another program, with the same arguments and state."""
        process = self.processes[name]
        process.stop()
        expect(process.child.returncode == 0, f"{name} ended with {process.child.returncode}")
        process.arguments[0] = self.builds[build].program
        process.start()
        wait_for(f"{name} of the {build} build", lambda: self.versions().get(name) == self.builds[build].version
                 and self.rows()[name]["state"] == "up", 30)

    def replace_host(self, name, build):
        self.w.run("drain-node", name)
        wait_for(f"host {name} being empty", lambda: self.empty(name), 60)
        self.restart(name, build)
        expect(self.empty(name), f"host {name} took something before it was uncordoned: {self.rows()[name]}")
        self.w.run("uncordon", name)
        self.w.run("rebalance")
        self.spread()
        self.w.delivered(100)

    def replace_coordinator(self, build):
        self.restart("coordinator", build)
        expect(self.w.ask("status")["version"] == self.builds[build].version, "status tells another version")
        self.spread()
        self.w.delivered(100)

    def expect_no_identify(self):
        used = self.w.identifies() - self.identifies_before
        expect(used == 0, f"{used} IDENTIFYs used by the upgrade")


class Build:
    def __init__(self, program):
        expect(os.path.exists(program), f"{program} is not there: build the target shardyard-next")
        self.program, self.version = program, version_of(program)


@contextlib.contextmanager
def upgrade(options):
    builds = {"old": Build(options.program), "next": Build(options.program + "-next")}
    expect(builds["old"].version != builds["next"].version, "both builds report the same version")
    with world(options, nodes=len(HOSTS), shards=SHARDS, settings=["cluster.failover=true"], sim=("--no-presences",), tls=True) as w:
        u = Upgrade(w, builds)
        u.expect_versions("old old old old")
        yield w, u


def hosts_are_replaced_one_by_one_and_the_coordinator_last(options):
    with upgrade(options) as (w, u):
        for name, shown in zip(HOSTS, ("next old old old", "next next old old", "next next next old")):
            u.replace_host(name, "next")
            u.expect_versions(shown)
        u.replace_coordinator("next")
        u.expect_versions("next next next next")
        w.program = u.builds["next"].program  # commands of either build are understood by either
        u.spread()
        u.expect_no_identify()
        w.finish()


def an_upgrade_is_taken_back_and_a_reshard_runs_over_mixed_builds(options):
    with upgrade(options) as (w, u):
        u.replace_host("a", "next")
        u.replace_coordinator("next")
        u.expect_versions("next old old next")
        w.reshard(SHARDS + 1)
        w.await_shards(SHARDS + 1)
        expect(w.identifies() == u.identifies_before + SHARDS + 1, f"{w.identifies()} IDENTIFYs for {SHARDS} and {SHARDS + 1} shards")
        u.expect_versions("next old old next")
        u.identifies_before = w.identifies()
        u.shards = SHARDS + 1
        u.replace_coordinator("old")
        u.replace_host("a", "old")
        u.expect_versions("old old old old")
        u.expect_no_identify()
        w.finish()


def all_processes_stop_and_start_where_builds_cannot_mix(options):
    with upgrade(options) as (w, u):
        w.delivered(100)
        w.coordinator.stop()  # first, so that nobody adopts what the hosts leave
        for process in w.nodes:
            process.stop()
        for name in ("coordinator", *HOSTS):
            u.processes[name].arguments[0] = u.builds["next"].program
            u.processes[name].start()
        u.expect_versions("next next next next")
        u.spread()
        w.delivered(100)
        u.expect_no_identify()
        w.load(0)
        wait_for("what waited at shards for a host's link", lambda: w.settled() and w.audit()[0] == 0, 30)
        w.finish()


if __name__ == "__main__":
    run(hosts_are_replaced_one_by_one_and_the_coordinator_last, an_upgrade_is_taken_back_and_a_reshard_runs_over_mixed_builds,
        all_processes_stop_and_start_where_builds_cannot_mix)
