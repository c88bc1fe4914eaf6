"""Runs a simulated Discord, a coordinator and nodes on loopback, for the demo and the process tests.

Processes are ended by their own handle; everything lives in one folder that the caller names.
"""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request


class Failure(Exception):
    """Something did not happen in time or went wrong; the text is for people."""


def wait_for(what, condition, seconds=30.0, closely=False):
    """Polls `condition` until it gives something true and returns that. Asking takes a tenth of the time at most, so that those
    who wait leave the machine to those who work; `closely` is for what passes soon or is measured."""
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        result = condition()
        if result:
            return result
        time.sleep(0.05 if closely else min(0.25, max(0.02, 9 * (time.monotonic() - began))))
    raise Failure(f"{what} did not happen within {seconds:.0f} s")


RESERVED = []


def free_port():
    """A port of loopback, kept for us until this process ends: a socket that is bound and does not listen bars neither whoever listens
    there with SO_REUSEADDR nor his next start, but the kernel gives the port to nobody else meanwhile."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    RESERVED.append(s)
    return s.getsockname()[1]


class Process:
    """One child with its log file."""

    def __init__(self, name, arguments, folder, environment=None):
        self.name = name
        self.arguments = arguments
        self.log = os.path.join(folder, name + ".log")
        self.folder = folder
        self.environment = environment
        self.child = None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.arguments, cwd=self.folder, stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, env=self.environment)
        return self

    def running(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        """kill -9, as a crash would."""
        if self.running():
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()

    def stop(self):
        if self.running():
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def tail(self, lines=15):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-lines:])


class Cluster:
    """A simulated Discord with a coordinator process and nodes a, b, ... in front of it."""

    def __init__(self, program, folder, source, nodes=2, guilds=2000, rate=1000, seed=1, shards=4, settings=(), sim=(), failover=False,
                 tls=False, bots=(), of_node=()):
        """`bots`: {node: "host:port"}, where nodes let bots connect; `of_node`: {node: settings that it alone has}."""
        self.program = os.path.abspath(program)
        self.folder = folder
        self.source = source
        self.port = free_port()
        self.at = f"127.0.0.1:{self.port}"
        self.environment = dict(os.environ, DISCORD_TOKEN="sim-token", SHARDYARD_AT=self.at)
        ca = os.path.join(folder, "sim-ca.pem")
        port_file = os.path.join(folder, "sim.port")
        self.sim = Process("sim", [self.program, "sim", "--tls", "--ca-out", ca, "--port-out", port_file, "--token", "sim-token",
                                   "--guilds", str(guilds), "--rate", "0", "--seed", str(seed), "--max-concurrency", "16",
                                   *sim], folder).start()
        wait_for("the simulated Discord's start", lambda: os.path.exists(port_file) and open(port_file).read().strip())
        self.sim_port = int(open(port_file).read())
        self.control = f"http://127.0.0.1:{self.sim_port}"
        self.rate = rate
        self.shared = ["--set", f"discord.api_base=https://127.0.0.1:{self.sim_port}/api/v10",
                       "--set", f"discord.ca_file={ca}", "--set", f"discord.shards={shards}",
                       "--set", "discord.intents=53608447", "--set", f"cluster.min_nodes={nodes}",
                       "--set", f"cluster.failover={str(failover).lower()}"]
        for setting in settings:
            self.shared += ["--set", setting]
        self.certs = os.path.join(folder, "certs")
        if tls:
            self.make_certificates(["coordinator", *"abcdefgh"[:nodes]])
        self.coordinator = self.node_process("coordinator", "coordinator.toml", [f"node.listen={self.at}"]).start()
        self.nodes = [self.node_process(name, "two-nodes.toml", [f"node.name={name}", f"node.seeds={self.at}",
                                                                 f"node.listen=127.0.0.1:{free_port()}",
                                                                 *([f"bots.listen={bots[name]}"] if name in bots else []),
                                                                 *(of_node[name] if name in of_node else [])]).start()
                      for name in "abcdefgh"[:nodes]]

    def make_certificates(self, names):
        """An authority, a certificate for each node, and one for the commands; all processes use them from now on."""
        self.run("certs", "init", "--dir", self.certs)
        for name in names:
            self.run("certs", "node", name, "--host", "127.0.0.1", "--dir", self.certs)
        self.run("certs", "admin", "--dir", self.certs)
        self.shared += ["--set", f"tls.ca_file={self.certs}/ca.pem", "--set", f"tls.certificate_file={self.certs}/{{node}}.pem",
                        "--set", f"tls.key_file={self.certs}/{{node}}.key"]
        self.environment["SHARDYARD_TLS"] = self.certs

    def node_process(self, name, config, extra):
        arguments = [self.program, "node", "--config", os.path.join(self.source, "cluster-config", config), *self.shared]
        for setting in extra:
            arguments += ["--set", setting]
        return Process(name, arguments, self.folder, self.environment)

    # -- the simulated Discord

    def http(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data=data, method="GET" if body is None else "POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise Failure(f"{path}: {error.read().decode()}") from error

    def fault(self, **what):
        return self.http("/fault", what)["hit"]

    def truth(self):
        """Where the audit finds what happened."""
        return self.control + "/truth"

    def load(self, rate):
        self.http("/world", {"rate": rate})

    def events_files(self):
        return [os.path.join(self.folder, name) for name in sorted(os.listdir(self.folder)) if name.endswith(".jsonl")]

    # -- the command line

    def command(self, arguments):
        """The whole command line of a verb."""
        return [self.program, *arguments]

    def run(self, *arguments, check=True):
        """Runs a verb; returns (exit code, stdout, stderr)."""
        done = subprocess.run(self.command(arguments), cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=300)
        if check and done.returncode != 0:
            raise Failure(f"shardyard {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.returncode, done.stdout, done.stderr

    def ask(self, *arguments):
        """The JSON answer of a verb, or nothing while the coordinator is away or refuses."""
        code, out, _ = self.run(*arguments, "--json", "--timeout", "2", check=False)
        return json.loads(out) if code == 0 else None

    def live_shards(self, count):
        status = self.ask("status")
        if not status:
            return None
        live = [s for s in status["shards"] if s["state"] == "live" and s["shard"].endswith(f"/{count}")]
        return status if len(live) == count else None

    def wait_live(self, count, seconds=90):
        return wait_for(f"{count} live shards", lambda: self.live_shards(count), seconds)

    def settled(self):
        """Everything that happened has left the simulator and was delivered."""
        before = sum(os.path.getsize(f) for f in self.events_files())
        stats = self.http("/stats")
        time.sleep(0.5)
        after = sum(os.path.getsize(f) for f in self.events_files())
        status = self.ask("status")
        return (stats["in_flight"] == 0 and before == after and status and status["delivery"]["undelivered"] == 0
                and all(s["state"] in ("live", "closed") for s in status["shards"]))

    def audit(self, report=None):
        arguments = ["audit", "--truth", self.truth(), "--json"]
        for name in self.events_files():
            arguments += ["--events", name]
        if report:
            arguments += ["--report", report]
        code, out, err = self.run(*arguments, check=False)
        if not out:
            raise Failure(f"the audit failed: {err.strip()}")
        return code, json.loads(out)

    def stop(self):
        for process in [*self.nodes, self.coordinator, self.sim]:
            process.stop()
