"""Cells of the matrix: a process ends itself right before or right after a chosen durable write, of the coordinator's journal or of a
position log (actors/crash_point.hpp)."""
from cluster import Failure
from leaders import lead
from matrix import order, settle
from moves import some_move
from scene import HOSTS, PARTITIONS, cell, wait_for


def crash_at(w, name, kind, most):
    """Arms the process; which of the next writes, and on which side of it, is drawn."""
    number, moment = w.random.randint(1, most), w.random.choice(("before", "after"))
    w.say(f"{name} will end {moment} write {number} of {kind}")
    w.arm(name, kind, number, moment)


def after_crash(w, name):
    """Waits for the end and starts the process again, at once or when others had time to take over."""
    try:
        wait_for("the end at the write", lambda: not w.process(name).running(), 40)
    except Failure:
        w.disarm(name)
        w.say("there were not so many writes")
        return
    w.say(f"{name} has ended itself")
    w.delivered(int(w.rate * w.random.choice((0.1, 1, 9))), 60)
    w.start_host(name)


def leading(w):
    return "coordinator" if w.coordinator else lead(w)


def move_a_shard(w):
    shard, source, target = some_move(w)
    w.say(f"shard {shard} from {source} to {target}")
    return ("move", str(shard), "--to", target), source, target


def move_a_partition(w):
    target = w.random.choice(HOSTS)
    partition = w.random.randrange(PARTITIONS)
    w.say(f"partition {partition} to {target}")
    return ("move", f"partition:{partition}", "--to", target), w.random.choice([x for x in HOSTS if x != target]), target


def drain(w):
    source = w.random.choice(HOSTS)
    w.say(f"drain of {source}")
    return ("drain-node", source), source, w.random.choice([x for x in HOSTS if x != source])


def moved(w, make, victim, kind, most):
    verb, source, target = make(w)
    name = {"source": source, "target": target}.get(victim) or leading(w)
    crash_at(w, name, kind, most)
    w.run(*verb, check=False)
    after_crash(w, name)
    order(w, verb)
    settle(w)
    if verb[0] == "drain-node":
        order(w, ("uncordon", verb[1]))
        order(w, ("rebalance",))
        settle(w)


def resharded(w, victim, kind, most):
    name = w.random.choice(HOSTS) if victim == "host" else leading(w)
    count = w.random.choice((3, 4, 8))
    crash_at(w, name, kind, most)
    w.asked_identifies += count
    code, _, err = w.run("reshard", str(count), "--json", check=False)
    if code != 0:
        w.say(f"the order met the crash: {err.strip()[:80]}")
    after_crash(w, name)
    if not wait_for("an answer to `status`", lambda: w.ask("status"), 60).get("reshard") and w.state() is None:
        w.asked_identifies -= count  # the plan's first row was never written
        w.await_shards(6)
        w.begin_reshard(count)
    w.say(f"the plan is {w.await_plan_end(180)}")
    settle(w)


def register(name, body, store="sqlite", extra_identifies=0):
    body.__name__ = name
    cell(store=store, crash=True, extra_identifies=extra_identifies)(body)


for store in ("sqlite", "etcd"):
    over = "_over_etcd" if store == "etcd" else ""
    # A move writes the wish, then each step; a session that begins while its host dies has nothing to RESUME from.
    register(f"shard_move_with_coordinator_ended_at_a_write{over}",
             lambda w: moved(w, move_a_shard, "coordinator", "placement", 1), store)
    register(f"partition_move_with_coordinator_ended_at_a_write{over}",
             lambda w: moved(w, drain, "coordinator", "groups", 4), store)
    register(f"reshard_with_coordinator_ended_at_a_plan_write{over}",
             lambda w: resharded(w, "coordinator", "plan", 8), store, 8)
    register(f"reshard_with_coordinator_ended_at_a_permit_write{over}",
             lambda w: resharded(w, "coordinator", "permit", 8), store, 8)
register("partition_move_with_source_ended_at_a_log_write", lambda w: moved(w, move_a_partition, "source", "log", 40))
register("partition_move_with_target_ended_at_a_log_write", lambda w: moved(w, move_a_partition, "target", "log", 40))
register("drain_with_target_ended_at_a_log_write", lambda w: moved(w, drain, "target", "log", 40))
register("reshard_with_host_ended_at_a_log_write", lambda w: resharded(w, "host", "log", 400), "sqlite", 8)
