"""Cells of the matrix: one process is killed (and started again) at a random moment of each kind of move."""
import time

from moves import some_move
from scene import HOSTS, PARTITIONS, cell, wait_for

VICTIMS = ("coordinator", "source", "target", "etcd")


def crash(w, name):
    """kill -9 at a random moment of the next 2.5 s; started again after others had time to take over, or at once."""
    time.sleep(w.random.choice((0.0, w.random.uniform(0, 0.3), w.random.uniform(0, 2.5))))
    w.say(f"kill -9 of {name}")
    w.kill(name)
    w.delivered(int(w.rate * w.random.choice((0.1, 1, 9))), 60)
    w.start_host(name)


def settle(w):
    w.await_moves(120)
    w.await_served(seconds=120)
    w.delivered(200)


def order(w, verb):
    """The verb may meet a coordinator that has just ended, or a new one that does not know its hosts yet: the operator repeats it."""
    def done():
        code, _, err = w.run(*verb, check=False)
        return code == 0 or "already" in err
    wait_for(f"an answer to {' '.join(verb)}", done, 60)


def shard_move(w, victim):
    shard, source, target = some_move(w)
    w.say(f"shard {shard} from {source} to {target}")
    w.run("move", str(shard), "--to", target)
    crash(w, {"source": source, "target": target}.get(victim, victim))
    settle(w)


def partition_move(w, victim):
    """All of a host's partitions, by draining it."""
    source = w.random.choice(HOSTS)
    target = w.random.choice([x for x in HOSTS if x != source])
    w.say(f"drain of {source}")
    w.run("drain-node", source)
    crash(w, {"source": source, "target": target}.get(victim, victim))
    settle(w)
    order(w, ("uncordon", source))
    order(w, ("rebalance",))
    settle(w)


def one_partition_move(w, victim):
    before = {name: w.partitions_on(name) for name in HOSTS}
    for _ in range(20):
        partition, target = w.random.randrange(PARTITIONS), w.random.choice(HOSTS)
        if w.run("move", f"partition:{partition}", "--to", target, check=False)[0] == 0:
            break
    w.say(f"partition {partition} to {target}")
    other = w.random.choice([x for x in HOSTS if x != target and before[x]])
    crash(w, {"source": other, "target": target}.get(victim, victim))
    settle(w)


def reshard(w, victim):
    w.begin_reshard(w.random.choice((3, 4, 8)))
    state = w.random.choice(("preparing", "moving", "settling", "closing"))
    try:
        w.await_state(state, "done", seconds=40)
    except Exception:  # a state may pass between two looks
        w.say(f"{state} was not seen")
    source = w.random.choice(HOSTS)
    crash(w, source if victim == "host" else victim)
    state = w.await_plan_end(180)
    w.say(f"the plan is {state}")
    settle(w)


def register(kind, victim):
    def body(w):
        kind(w, victim)
    body.__name__ = f"{kind.__name__}_with_{victim}_killed"
    # A session that is starting when its host dies has nothing to RESUME from: it identifies again.
    cell(store="etcd" if victim == "etcd" else "sqlite", crash=True, extra_identifies=8 if kind is reshard else 0)(body)


for each in (shard_move, partition_move, one_partition_move, reshard):
    for who in VICTIMS if each is not reshard else ("coordinator", "host", "etcd"):
        register(each, who)
