"""A cluster of hosts, each in a network namespace of its own (or all on loopback), in front of a simulated Discord that has one, too.

Owns the processes and the network. Nodes speak mutual TLS. With the store "sqlite" the coordinator is a process on a host of its own, so
that it and the hosts of shards can be lost one by one; with "etcd" each host may lead, and etcd has a host of its own.
"""
import http.client
import json
import os
import re
import signal
import time

from cluster import Cluster, Failure, Process, wait_for
from host_network import Unsupported, make_network

HOSTS = ("a", "b", "c")
PARTITIONS = 12
LEASE_S = 5.0
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "shardyard")
ETCD = os.path.join(CACHE, "etcd/usr/bin/etcd")
FAKETIME = os.path.join(CACHE, "faketime/libfaketime.so.1")


class HostCluster(Cluster):
    """Hosts a, b, c, of which those in `start` run from the beginning; `coordinator` and `sim` beside them."""

    def __init__(self, program, folder, source, hosts=HOSTS, start=None, guilds=300, rate=200, seed=1, shards=6, settings=(), sim=(),
                 network="auto", store="sqlite", clocks=False):
        self.program = os.path.abspath(program)
        self.folder, self.source, self.rate, self.seed = folder, source, rate, seed
        self.nodes, self.hosts = [], {}
        self.coordinator = self.sim = self.etcd = None
        self.doors = [""]
        self.clocks = clocks
        if clocks and not os.path.exists(FAKETIME):
            raise Unsupported("libfaketime is not there: scripts/setup --faketime brings it")
        self.network = make_network([*hosts, "coordinator" if store == "sqlite" else "etcd", "sim"], network)
        try:
            self._start_sim(guilds, seed, sim)
            self.environment = dict(os.environ, DISCORD_TOKEN="sim-token")
            token = os.path.join(folder, "token")
            with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write("sim-token")
            self.shared = []
            for setting in (f"discord.api_base=http://{self.network.addresses['sim']}:{self.sim_port}/api/v10",
                            f"discord.token_file={token}", "discord.allow_plaintext=true", f"discord.shards={shards}", "discord.intents=53608447",
                            f"cluster.min_nodes={len(start or hosts)}", f"cluster.partitions={PARTITIONS}", *settings):
                self.shared += ["--set", setting]
            self.make_certificates([*hosts, "coordinator"] if store == "sqlite" else hosts)
            self.listens = {name: f"{self.network.addresses[name]}:{self.network.port(name)}" for name in hosts}
            leading = self._coordinate() if store == "sqlite" else self._elect()
            for name, at in self.listens.items():
                self.hosts[name] = self.on_host(name, "two-nodes.toml", [f"node.name={name}", f"node.listen={at}", *leading])
            for name in start or hosts:
                self.start_host(name)
        except BaseException:
            self.stop()
            raise

    def _coordinate(self):
        """Starts the coordinator; returns what nodes must know of it."""
        at = f"{self.network.addresses['coordinator']}:{self.network.port('coordinator')}"
        self.coordinator = self.on_host("coordinator", "coordinator.toml", [f"node.listen={at}"]).start()
        self.doors = [at]
        return [f"node.seeds={at}"]

    def _elect(self):
        if not os.path.exists(ETCD):
            raise Unsupported("etcd is not there: scripts/setup --etcd brings it")
        here = self.network.addresses["etcd"]
        port, peer = self.network.port("etcd"), self.network.port("etcd")
        self.etcd = Process("etcd", [*self.network.prefix("etcd"), ETCD, "--data-dir", os.path.join(self.folder, "etcd"), "--name", "one",
                                     "--listen-client-urls", f"http://{here}:{port}", "--advertise-client-urls", f"http://{here}:{port}",
                                     "--listen-peer-urls", f"http://{here}:{peer}", "--initial-advertise-peer-urls", f"http://{here}:{peer}",
                                     "--initial-cluster", f"one=http://{here}:{peer}"], self.folder).start()
        self.doors = list(self.listens.values())
        return ["coordinator.enabled=true", "store.kind=etcd", f"store.endpoints=http://{here}:{port}", "store.allow_plaintext=true",
                "node.seeds=" + ",".join(self.doors)]

    def _start_sim(self, guilds, seed, settings):
        port_file = os.path.join(self.folder, "sim.port")
        arguments = [self.program, "sim", "--host", self.network.addresses["sim"], "--port-out", port_file, "--token", "sim-token",
                     "--guilds", str(guilds), "--rate", "0", "--seed", str(seed), "--max-concurrency", "16", *settings]
        self.sim = Process("sim", [*self.network.prefix("sim"), *arguments], self.folder).start()
        wait_for("the simulated Discord's start", lambda: os.path.exists(port_file) and open(port_file).read().strip())
        self.sim_port = int(open(port_file).read())

    def make_certificates(self, names):
        self.certs = os.path.join(self.folder, "certs")
        self.run("certs", "init", "--dir", self.certs)
        for name in names:
            self.run("certs", "node", name, "--host", self.network.addresses[name], "--dir", self.certs)
        self.run("certs", "admin", "--dir", self.certs)
        self.shared += ["--set", f"tls.ca_file={self.certs}/ca.pem", "--set", f"tls.certificate_file={self.certs}/{{node}}.pem",
                        "--set", f"tls.key_file={self.certs}/{{node}}.key"]
        self.environment["SHARDYARD_TLS"] = self.certs

    def on_host(self, name, config, extra):
        process = self.node_process(name, config, extra)
        process.arguments = [*self.network.prefix(name), *process.arguments]
        process.environment = dict(self.environment, SHARDYARD_CRASH_FILE=self.crash_file(name))
        if self.clocks:
            self.set_clock(name, 0)
            # Only the wall clock: the other ones do not step on a real machine either.
            process.environment.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=self.clock_file(name), FAKETIME_DONT_FAKE_MONOTONIC="1",
                                       FAKETIME_CACHE_DURATION="1", FAKETIME_NO_CACHE="0")
        return process

    def clock_file(self, name):
        return os.path.join(self.folder, name + ".clock")

    def set_clock(self, name, by):
        """The wall clock of that process is so many seconds ahead from now on (within a second)."""
        self.write_whole(self.clock_file(name), f"{by:+d}")

    def crash_file(self, name):
        return os.path.join(self.folder, name + ".crash")

    def arm(self, name, kind, number, moment):
        """The process ends itself right before or after that write of its kind (actors/crash_point.hpp)."""
        self.write_whole(self.crash_file(name), f"{kind} {number} {moment}\n")

    def disarm(self, name):
        """An order that no write has fulfilled yet is replaced, whether the process has read it or not, by one that none will."""
        self.write_whole(self.crash_file(name), "none 1 before\n")

    @staticmethod
    def write_whole(path, text):
        with open(path + ".new", "w") as file:
            file.write(text)
        os.replace(path + ".new", path)

    # -- hosts

    def start_host(self, name):
        process = self.process(name).start()
        if name in self.hosts and process not in self.nodes:
            self.nodes.append(process)

    def process(self, name):
        return {"coordinator": self.coordinator, "etcd": self.etcd}.get(name) or self.hosts[name]

    def processes(self):
        """All of the cluster, for their logs."""
        return [x for x in (self.etcd, self.coordinator, *self.nodes) if x]

    def leader(self):
        """The host that is coordinator."""
        return next((name for name, row in self.nodes_document().items() if row["coordinator"]), None)

    def kill(self, name):
        self.process(name).kill()

    def freeze(self, name):
        self.process(name).child.send_signal(signal.SIGSTOP)

    def thaw(self, name):
        self.process(name).child.send_signal(signal.SIGCONT)

    def others(self, name):
        """All the cluster's hosts but this one, without Discord's."""
        return [x for x in (*self.hosts, *(["coordinator"] if self.coordinator else [])) if x != name]

    # -- the simulated Discord: its control answers to loopback only, so we ask from there

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.network.addresses["sim"], self.sim_port, timeout=20,
                                                source_address=("127.0.0.1", 0))
        with self.network.inside("sim"):
            connection.connect()
        connection.request(method, path, body)
        return connection, connection.getresponse()

    def http(self, path, body=None):
        connection, answer = self.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
        try:
            text = answer.read().decode()
            if answer.status != 200:
                raise Failure(f"{path}: {text}")
            return json.loads(text)
        finally:
            connection.close()

    def settled(self):
        """As on loopback; besides, nothing is left in TCP's hands, which may wait long before it sends again over a bad link."""
        stats = self.http("/stats")
        return stats["unwritten_bytes"] == 0 and stats["unacked_bytes"] == 0 and super().settled()

    def truth(self):
        """The truth in a file."""
        path = os.path.join(self.folder, "truth.ndjson")
        connection, answer = self.request("GET", "/truth")
        try:
            if answer.status != 200:
                raise Failure(f"/truth: {answer.read().decode()}")
            with open(path, "wb") as out:
                while chunk := answer.read(1 << 20):
                    out.write(chunk)
        finally:
            connection.close()
        return path

    # -- the command line

    def command(self, arguments):
        return [*self.network.prefix(), *super().command(arguments)]

    def run(self, *arguments, check=True):
        """Asks the nodes that commands may ask, one after the other, until one of them reaches a coordinator."""
        for door in self.doors:
            self.environment["SHARDYARD_AT"] = door
            result = super().run(*arguments, check=False)
            if result[0] != 3:
                break
        if check and result[0] != 0:
            raise Failure(f"shardyard {' '.join(arguments)} ended with {result[0]}: {result[2].strip()}")
        return result

    def nodes_document(self):
        answer = self.ask("nodes")
        return {row["node"]: row for row in answer["nodes"]} if answer else {}

    def placed(self):
        """Shards of the present topology by number: (node, state). A host that is away has none."""
        status = self.ask("status")
        if not status:
            return {}
        up = {row["node"] for row in status["nodes"] if row["state"] == "up"}
        return {int(row["shard"].split("/")[0]): (row["node"], row["state"]) for row in status["shards"]
                if row["topology"] == status["topology"] and row["state"] != "closed" and row["node"] in up}

    def shards_on(self, *names):
        """Numbers of the live shards there."""
        return {shard for shard, (node, state) in self.placed().items() if node in names and state == "live"}

    def partitions_on(self, name):
        return self.nodes_document().get(name, {}).get("partitions")

    def stop(self):
        for process in self.processes():
            if process.running():
                process.child.send_signal(signal.SIGCONT)
        for process in (*self.nodes, self.coordinator, self.etcd, self.sim):
            if process:
                process.stop()
        self.network.close()


class Deliveries:
    """What the event files got since this was made, or from their begin: by host and partition, read as it comes."""

    guild = re.compile(rb'"guild_id":"?(\d+)')

    def __init__(self, cluster, from_begin=False):
        self.cluster = cluster
        self.offsets = {path: 0 if from_begin else os.path.getsize(path) for path in cluster.events_files()}
        self.grew = {}   # host -> when its file last grew
        self.first = {}  # (host, partition) -> when the first line came

    def look(self):
        for path in self.cluster.events_files():
            with open(path, "rb") as f:
                f.seek(self.offsets.get(path, 0))
                fresh = f.read()
            whole = fresh[:fresh.rfind(b"\n") + 1]
            if not whole:
                continue
            self.offsets[path] = self.offsets.get(path, 0) + len(whole)
            host, at = os.path.basename(path)[len("events-"):-len(".jsonl")], time.monotonic()
            self.grew[host] = at
            for line in whole.splitlines():
                found = self.guild.search(line)
                if found and int(found[1]):
                    self.first.setdefault((host, (int(found[1]) >> 22) % PARTITIONS), at)
        return self

    def partitions(self, *hosts):
        """Partitions that those hosts delivered for, each with the moment of its first line."""
        result = {}
        for (host, partition), at in self.look().first.items():
            if host in hosts:
                result[partition] = min(at, result.get(partition, at))
        return result
