"""Cells over etcd, where each host may be coordinator: the leading host is lost, and the store is."""
import time

from losses import lose_one, stays_silent
from scene import HOSTS, LEASE_S, cell, expect, wait_for

FAILOVER_S = 5


def lead(w):
    return wait_for("a coordinator", w.leader, 30)


def await_other_leader(w, before):
    w.time_until("another coordinator (s)", FAILOVER_S, "another coordinator",
                 lambda: w.leader() not in (None, before) and w.leader())


@cell(store="etcd")
def a_reshard_over_etcd(w):
    w.begin_reshard(4)
    w.await_state("done", seconds=90)
    w.await_shards(4)


@cell(store="etcd", crash=True)
def the_leading_host_is_killed(w):
    gone = lead(w)
    lose_one(w, gone, lambda w, name: w.kill(name), f"kill -9 of {gone}, which leads", silent=True)
    await_other_leader(w, gone)
    w.delivered(200)


@cell(store="etcd", crash=True)
def a_verb_waits_for_the_next_coordinator(w):
    gone = lead(w)
    w.say(f"kill -9 of {gone}, which leads")
    w.kill(gone)
    began = time.monotonic()
    w.run("nodes")
    w.measured["a verb answered (s)"] = round(time.monotonic() - began, 2)
    w.delivered(200)


@cell(store="etcd", crash=True, needs_links=True)
def the_leading_host_is_cut_off(w):
    gone = lead(w)
    _, _, deliveries = lose_one(w, gone, lambda w, name: w.network.cut(name), f"{gone}, which leads, is cut off", silent=True)
    await_other_leader(w, gone)
    w.network.heal(gone)
    stays_silent(w, gone, deliveries)
    wait_for("the host's return", lambda: w.nodes_document().get(gone, {}).get("state") == "up", 60)
    w.await_served()


@cell(store="etcd", crash=True)
def the_leading_host_sleeps_and_awakes(w):
    gone = lead(w)
    _, _, deliveries = lose_one(w, gone, lambda w, name: w.freeze(name), f"{gone}, which leads, sleeps", silent=True)
    w.thaw(gone)
    stays_silent(w, gone, deliveries)
    w.await_served()


@cell(store="etcd", crash=True)
def the_store_is_away(w):
    w.kill("etcd")
    w.say("etcd is dead")
    w.delivered(int(w.rate * (LEASE_S + 10)), 90)
    w.process("etcd").start()
    wait_for("an answer to `status`", lambda: w.ask("status"), 60)
    w.await_served()
    w.begin_reshard(4)
    w.await_state("done", seconds=90)
    w.await_shards(4)


@cell(store="etcd", crash=True, extra_identifies=8)
def a_reshard_whose_leader_is_killed(w):
    w.begin_reshard(w.random.choice((3, 4, 8)))
    w.some_events()
    gone = lead(w)
    w.say(f"kill -9 of {gone}, which leads")
    w.kill(gone)
    w.delivered(int(w.rate * w.random.choice((0.5, 8))), 60)
    w.start_host(gone)
    state = wait_for("the plan's end", lambda: w.state() in ("done", "aborted") and w.state(), 180)
    w.say(f"the plan is {state}")
    expect(set(HOSTS) >= {node for node, _ in w.placed().values()}, "a shard is on no host")
    w.await_moves(120)
    w.await_served(seconds=120)
    w.delivered(200)
