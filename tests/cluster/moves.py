"""Cells of moves that an operator asks for, while events flow: no IDENTIFY is used and nothing is lost."""
import threading
import time

from scene import HOSTS, LEASE_S, PARTITIONS, cell, expect, wait_for


def some_move(w):
    """A random shard, the host that has it and another one."""
    placed = w.placed()
    shard = w.random.choice(sorted(placed))
    source = placed[shard][0]
    return shard, source, w.random.choice([x for x in HOSTS if x != source])


class SocketWatch:
    """How long the simulated Discord sees a shard's session without a connection, looked at every few milliseconds."""

    def __init__(self, w, shard):
        self.w, self.shard = w, shard
        self.longest_ms = 0.0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        gone = None
        while not self.stopping.wait(0.002):
            live = any(row["state"] == "live" for row in self.w.http("/sessions") if row["shard"][0] == self.shard)
            now = time.monotonic()
            if live and gone is not None:
                self.longest_ms = max(self.longest_ms, 1000 * (now - gone))
            gone = None if live else (gone or now)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


@cell()
def a_shard_is_moved(w):
    closed = []
    for _ in range(10):
        shard, source, target = some_move(w)
        with SocketWatch(w, shard) as watch:
            w.run("move", str(shard), "--to", target)
            w.await_shard_on(shard, target)
        closed.append(round(watch.longest_ms))
        w.delivered(20)
    w.await_moves()
    w.say(f"sockets closed for {sorted(closed)} ms")
    w.measured["socket closed, median (ms)"] = sorted(closed)[len(closed) // 2]
    w.measured["socket closed, longest (ms)"] = max(closed)


@cell(gaps="some", extra_identifies=1)
def a_resume_that_is_refused_after_a_move_becomes_an_identify(w):
    """The usual way of a lost session: one IDENTIFY, its guilds told with a gap, everything else untouched."""
    shard, source, target = some_move(w)
    before = w.identifies()
    expect(w.fault(kind="refuse_resume", shard=[shard, 6]) == 1, "the fault hit no session")
    w.say(f"shard {shard} from {source} to {target}, its RESUME will be refused")
    w.run("move", str(shard), "--to", target)
    w.await_shard_on(shard, target)
    wait_for("an IDENTIFY", lambda: w.identifies() == before + 1, 20)
    w.await_served()
    w.await_moves()
    w.delivered(200)
    w.refused_shard = shard


@cell()
def a_partition_is_moved(w):
    for _ in range(3):
        nodes = w.nodes_document()
        partition, target = w.random.randrange(PARTITIONS), w.random.choice(HOSTS)
        before = nodes[target]["partitions"]
        code, _, err = w.run("move", f"partition:{partition}", "--to", target, check=False)
        if code != 0:
            expect("already" in err, f"the move was refused: {err}")
            continue
        w.say(f"partition {partition} to {target}")
        wait_for("the partition's arrival", lambda: w.partitions_on(target) == before + 1, 30)
        w.await_moves()
        w.delivered(100)


@cell()
def a_host_is_drained_and_comes_back(w):
    gone = w.random.choice(HOSTS)
    rest = [x for x in HOSTS if x != gone]
    w.say(f"drain of {gone}")
    preview = w.ask_surely("drain-node", gone, "--dry-run")
    expect(preview["identifies_needed"] == 0 and preview["shards_to_move"] > 0, f"the preview is {preview}")
    w.run("drain-node", gone)
    w.await_served(by=rest)
    wait_for("an empty host", lambda: w.partitions_on(gone) == 0 and not w.shards_on(gone), 60)
    w.await_moves()
    w.delivered(100)
    w.process(gone).stop()
    w.delivered(100)
    w.start_host(gone)
    wait_for("the host's return", lambda: w.nodes_document().get(gone, {}).get("state") == "up", 30)
    w.run("uncordon", gone)
    w.run("rebalance")
    wait_for("its share", lambda: w.shards_on(gone) and w.partitions_on(gone), 60)
    w.await_moves()
    w.await_served()
    w.delivered(100)


@cell(start=("a",))
def hosts_join_and_get_their_share(w):
    for name in ("b", "c"):
        w.say(f"{name} joins")
        w.start_host(name)
        wait_for(f"{name} in the cluster", lambda: w.nodes_document().get(name, {}).get("state") == "up", 30)
        w.run("rebalance")
        wait_for(f"{name}'s share", lambda: w.shards_on(name) and w.partitions_on(name), 60)
        w.await_moves()
        w.delivered(100)
    wait_for("a third of everything on each host", lambda: all(len(w.shards_on(name)) == 2 for name in HOSTS), 30)
    w.await_served()
    rows = w.nodes_document()
    for name in HOSTS:
        expect(rows[name]["partitions"] == PARTITIONS // 3, f"{name} has {rows[name]['partitions']} of {PARTITIONS} partitions")


@cell()
def a_reshard_over_three_hosts(w):
    w.begin_reshard(4)
    w.await_state("done", seconds=90)
    w.await_shards(4)
    w.begin_reshard(6)
    w.await_state("done", seconds=90)
    w.await_shards(6)


@cell(crash=True)
def a_coordinator_that_is_away_delays_nothing(w):
    w.kill("coordinator")
    w.say("the coordinator is dead")
    w.delivered(int(w.rate * (LEASE_S + 3)), 60)
    w.start_host("coordinator")
    w.await_served()
    w.delivered(100)


@cell()
def shards_and_partitions_are_moved_at_once(w):
    for _ in range(4):
        shard, _, target = some_move(w)
        w.run("move", str(shard), "--to", target, check=False)
        w.run("move", f"partition:{w.random.randrange(PARTITIONS)}", "--to", w.random.choice(HOSTS), check=False)
        w.some_events()
    w.await_moves()
    w.await_served()
    w.run("rebalance")
    w.await_moves()
    w.await_served()
