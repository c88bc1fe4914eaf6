#!/usr/bin/env python3
"""What it costs that a shard and its partition live in different processes: CPU per event of all processes of a cluster,
the event path in one process, over plain TCP, and over mutual TLS.

    bench/remote_hop.py --program build/release/shardyard --blaster build/release/bench/bench_blaster

Three clusters with a load server each, on one machine. Their turns alternate; of several runs the least counts, since
whatever else the machine does only adds time. One shard, one partition, null sink, TLS and zstd towards the load server.
"""
import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts"))
from cluster import Failure, Process, free_port, wait_for  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
NODE = """[cluster]
partitions = 1
min_nodes = {nodes}
[node]
name = "{name}"
listen = "127.0.0.1:{port}"
seeds = [{seeds}]
state_dir = "{folder}/{name}"
weight = {weight}
{tls}
[coordinator]
enabled = {coordinator}
[store]
path = "{folder}/cluster.db"
[discord]
api_base = "https://127.0.0.1:{api}/api/v10"
ca_file = "{folder}/load.pem"
shards = 1
intents = 53608447
[[sink]]
kind = "null"
"""


class Load:
    """The load server and what it says."""

    def __init__(self, blaster, folder):
        self.child = subprocess.Popen([blaster, "--ca", f"{folder}/load.pem"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1)
        self.port = int(self.await_line("port ").split()[1])

    def await_line(self, start):
        for line in self.child.stdout:
            if line.startswith(start):
                return line
        raise Failure("the load server ended")

    def stop(self):
        self.child.terminate()
        self.child.wait()


class Ground:
    """One cluster: the shard and the partition in one process, or in two."""

    def __init__(self, options, apart, tls):
        self.program = options.program
        self.folder = tempfile.mkdtemp(prefix="sy-hop-")
        self.load = Load(options.blaster, self.folder)
        self.environment = dict(os.environ, DISCORD_TOKEN="bench")
        self.processes = []
        self.tls = tls
        if tls:
            self.environment["SHARDYARD_TLS"] = self.folder
            self.verb("certs", "init", "--dir", self.folder)
            self.verb("certs", "admin", "--dir", self.folder)
        self.start(apart)
        self.load.await_line("ready ")
        self.rest()

    def start(self, apart):
        if not apart:
            self.port = free_port()
            self.node("one", self.port, "", 1, 1, True)
            return
        # Which of two equal nodes gets the shard and which the partition follows from their names: the first pair that
        # puts them apart is taken.
        for pair in itertools.combinations("abcdefgh", 2):
            self.port = free_port()
            self.node("coordinator", self.port, "", 2, 0, True)
            for name in pair:
                self.node(name, free_port(), f'"127.0.0.1:{self.port}"', 2, 1, False)
            wait_for("a shard and a partition", self.placed, 20)
            if all(x["shards"] + x["partitions"] == 1 for x in self.placed()):
                return
            self.end_nodes()
            for name in ("cluster.db", "cluster.db-wal", "cluster.db-shm", "coordinator", *pair):
                path = os.path.join(self.folder, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.unlink(path)
        raise Failure("no pair of names puts shard and partition apart")

    def node(self, name, port, seeds, nodes, weight, coordinator):
        tls = ""
        if self.tls:
            self.verb("certs", "node", name, "--dir", self.folder, "--force")
            tls = (f'[tls]\nca_file = "{self.folder}/ca.pem"\ncertificate_file = "{self.folder}/{name}.pem"\n'
                   f'key_file = "{self.folder}/{name}.key"')
        file = f"{self.folder}/{name}.toml"
        with open(file, "w") as config:
            config.write(NODE.format(name=name, port=port, seeds=seeds, nodes=nodes, weight=weight, folder=self.folder,
                                     coordinator=str(coordinator).lower(), api=self.load.port, tls=tls))
        self.processes.append(Process(name, [self.program, "node", "--config", file], self.folder, self.environment).start())

    def verb(self, *arguments):
        done = subprocess.run([self.program, *arguments], env=self.environment, capture_output=True, text=True, timeout=60)
        return done.stdout if done.returncode == 0 else None

    def status(self):
        text = self.verb("status", "--json", "--at", f"127.0.0.1:{self.port}")
        return json.loads(text) if text else None

    def placed(self):
        """The nodes that host something, once shard and partition have a place."""
        status = self.status()
        nodes = [x for x in status["nodes"] if x["weight"] > 0] if status else []
        return nodes if sum(x["shards"] for x in nodes) == 1 and sum(x["partitions"] for x in nodes) == 1 else None

    def cpu(self):
        """CPU-s of all processes of the cluster."""
        total = 0
        for process in self.processes:
            with open(f"/proc/{process.child.pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def rest(self):
        before = self.cpu()
        for _ in range(100):
            time.sleep(0.2)
            now = self.cpu()
            if now - before < 0.02:
                return
            before = now

    def run(self, events, seed):
        """CPU-s per million events, and events per second until the coordinator knows that all are delivered."""
        goal = self.status()["delivery"]["delivered"] + events
        self.rest()
        self.load.child.stdin.write(f"stream {events} {seed} 0\n")
        self.load.await_line("begin ")
        cpu, began = self.cpu(), time.monotonic()
        self.load.await_line("end ")
        wait_for(f"{events} deliveries", lambda: self.status()["delivery"]["delivered"] >= goal, 30)
        wall = time.monotonic() - began
        self.rest()
        used = self.cpu() - cpu
        return used * 1e6 / events, events / wall

    def end_nodes(self):
        for process in self.processes:
            process.kill()
        self.processes = []

    def stop(self):
        self.end_nodes()
        self.load.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--blaster", required=True)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    options.program, options.blaster = os.path.abspath(options.program), os.path.abspath(options.blaster)
    names = {"local": (False, False), "remote, plain TCP": (True, False), "remote, mutual TLS": (True, True)}
    grounds = {}
    best = {name: (float("inf"), 0.0) for name in names}
    try:
        for name, (apart, tls) in names.items():
            grounds[name] = Ground(options, apart, tls)
            grounds[name].run(options.events // 10, 1)
        for i in range(options.rounds):
            for name, ground in grounds.items():
                cpu, rate = ground.run(options.events, 2 + i)
                best[name] = (min(best[name][0], cpu), max(best[name][1], rate))
    finally:
        for ground in grounds.values():
            ground.stop()
    local = best["local"][0]
    print(f"{'event path':20} {'CPU-s per million events':>26} {'of local':>10} {'events/s':>12}")
    for name, (cpu, rate) in best.items():
        print(f"{name:20} {cpu:26.2f} {cpu / local:9.2f}x {rate:12,.0f}")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"remote_hop: {failure}")
