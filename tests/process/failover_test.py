"""Three candidates over a real etcd: the coordinator is killed, paused, cut off from its store; another one goes on."""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

from world import expect, run, wait_for, world
from cluster import Process, free_port


def etcd_program():
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    for place in (os.environ.get("SHARDYARD_ETCD", ""), os.path.join(cache, "shardyard/etcd/usr/bin/etcd"), "/usr/bin/etcd"):
        if place and os.path.exists(place):
            return place
    return None


class Etcd:
    """One member on loopback, with the settings that a cluster of three hosts would have."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="syp-etcd-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        peer = f"http://127.0.0.1:{free_port()}"
        self.process = Process("etcd", [
            etcd_program(), "--data-dir", os.path.join(self.folder, "data"), "--logger", "zap",
            "--listen-client-urls", self.url, "--advertise-client-urls", self.url, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"], self.folder)
        self.start()

    def start(self):
        self.process.start()
        wait_for("etcd's start", lambda: subprocess.run(
            ["curl", "-sf", f"{self.url}/health"], capture_output=True, check=False).returncode == 0)

    def end(self):
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def candidates(options, settings=(), sim=("--no-presences",)):
    """A world with three candidates c1, c2, c3, of which c1 leads, and two nodes."""
    etcd = Etcd()
    try:
        settings = ["store.kind=etcd", f"store.endpoints={etcd.url}", *settings]
        with world(options, settings=settings, sim=sim) as w:
            w.etcd = etcd
            w.candidates = {"coordinator": (w.coordinator, w.at)}
            for name in ("c2", "c3"):
                at = f"127.0.0.1:{free_port()}"
                process = w.node_process(name, "coordinator.toml",
                                         [f"node.name={name}", f"node.listen={at}", f"node.seeds={w.at}"]).start()
                w.candidates[name] = (process, at)
                w.nodes.append(process)
            wait_for("all candidates joined", lambda: len((w.ask("status") or {}).get("nodes", [])) == 5)
            yield w
    finally:
        etcd.end()


def leader(w):
    """(name, epoch) as whichever candidate that runs tells it."""
    for name, (process, at) in w.candidates.items():
        if not process.running() or name in getattr(w, "paused", ()):
            continue
        w.environment["SHARDYARD_AT"] = at
        status = w.ask("status")
        if status:
            return next(n["node"] for n in status["nodes"] if n.get("coordinator")), status["cluster_epoch"]
    return None


def await_leader(w, after, seconds=20):
    """Waits for a coordinator of a later epoch that answers `status`; returns (name, epoch, seconds)."""
    began = time.monotonic()
    def later():
        found = leader(w)
        return found if found and found[1] > after else None
    name, epoch = wait_for(f"a coordinator after epoch {after}", later, seconds, closely=True)
    took = time.monotonic() - began
    return name, epoch, took


def a_killed_coordinator_is_replaced_in_the_middle_of_a_reshard(options):
    with candidates(options) as w:
        name, epoch = leader(w)
        times = []
        for count, state in ((3, "preparing"), (2, "moving"), (4, "settling")):
            w.begin(count)
            w.await_state(state, "moving", "settling")
            process, _ = w.candidates[name]
            process.kill()
            killed = name
            name, epoch, took = await_leader(w, epoch)
            times.append(took)
            expect(name != killed, f"{name} leads although it was killed")
            process.start()
            w.await_done(60)
            w.await_shards(count)
        print(f"   coordinator failover (kill -9 to an answered status): {', '.join(f'{t:.2f}' for t in times)} s", flush=True)
        w.finish()
        expect(w.identifies() == 2 + 3 + 2 + 4, f"{w.identifies()} identifies, 11 were needed")
        expect(max(times) <= 5.0 * slack(), f"failover took {max(times):.1f} s")


def slack():
    """On a machine with more work than cores, deadlines are the scheduler's."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def a_coordinator_that_is_told_to_end_is_followed_at_once(options):
    with candidates(options) as w:
        name, epoch = leader(w)
        w.begin(3)
        process, _ = w.candidates[name]
        process.stop()
        _, _, took = await_leader(w, epoch)
        print(f"   coordinator ended in order, the next one after {took:.2f} s", flush=True)
        w.await_done(60)
        w.await_shards(3)
        w.finish()


def a_paused_coordinator_is_replaced_and_wakes_to_be_refused(options):
    with candidates(options, settings=["handover.stable_for_s=4"]) as w:
        name, epoch = leader(w)
        process, at = w.candidates[name]
        w.begin(3)
        w.await_state("moving", "settling")
        process.child.send_signal(signal.SIGSTOP)
        paused_at = time.monotonic()
        w.paused = {name}
        try:
            second, later, took = await_leader(w, epoch)
            expect(second != name, "a paused process leads")
            w.delivered(100)
            wait_for("ten seconds of pause", lambda: time.monotonic() - paused_at > 10)
        finally:
            process.child.send_signal(signal.SIGCONT)
            w.paused = ()
        wait_for("the first coordinator's own end", lambda: "this coordinator ends" in process.tail(200), 10)
        w.environment["SHARDYARD_AT"] = at
        status = wait_for("the woken node follows the second", lambda: w.ask("status"), 15)
        expect(status["cluster_epoch"] == later, f"epoch {status['cluster_epoch']} instead of {later}")
        w.await_done(60)
        w.await_shards(3)
        print(f"   paused coordinator replaced after {took:.2f} s", flush=True)
        w.finish()
        expect(w.identifies() == 5, f"{w.identifies()} identifies, 5 were needed")


def a_store_that_is_away_stops_no_event(options):
    with candidates(options) as w:
        name, epoch = leader(w)
        before = w.stats()
        w.etcd.process.kill()
        away = time.monotonic()
        while time.monotonic() - away < 30:
            w.delivered(200)
        w.etcd.start()
        after = w.stats()
        expect(after["identifies_used"] == before["identifies_used"], "a session was lost while the store was away")
        _, later, took = await_leader(w, epoch)
        print(f"   a coordinator {took:.2f} s after the store was back, epoch {epoch} -> {later}", flush=True)
        w.await_shards(2)
        w.reshard(3)
        w.await_shards(3)
        w.finish()
        expect(w.identifies() == 5, f"{w.identifies()} identifies, 5 were needed")


if __name__ == "__main__":
    run(a_killed_coordinator_is_replaced_in_the_middle_of_a_reshard, a_coordinator_that_is_told_to_end_is_followed_at_once,
        a_paused_coordinator_is_replaced_and_wakes_to_be_refused, a_store_that_is_away_stops_no_event,
        lacks=None if etcd_program() else "etcd is not here; scripts/setup --etcd brings it")
