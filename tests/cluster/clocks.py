"""Cells of time: wall clocks that step (libfaketime), and processes that sleep for as long as a minute."""
import time

from losses import HOSTS, LEASE_S
from matrix import settle
from scene import cell, expect, wait_for


def step(w, names):
    """Steps of the wall clock, forward by up to an hour, back by less than the certificates are old."""
    for name in names:
        by = w.random.choice((w.random.randint(1, 3600), -w.random.randint(1, 20)))
        w.say(f"the clock of {name} goes {abs(by)} s {'forward' if by > 0 else 'back'}")
        w.set_clock(name, by)
        w.some_events()


@cell(clocks=True)
def clocks_step_during_a_reshard(w):
    w.begin_reshard(4)
    step(w, w.random.sample([*HOSTS, "coordinator"], 4))
    w.await_state("done", seconds=120)
    w.await_shards(4)
    step(w, ["coordinator"])
    w.begin_reshard(6)
    w.await_state("done", seconds=120)
    w.await_shards(6)


@cell(clocks=True)
def clocks_step_during_moves(w):
    gone = w.random.choice(HOSTS)
    w.run("drain-node", gone)
    step(w, w.random.sample([*HOSTS, "coordinator"], 4))
    settle(w)
    w.run("uncordon", gone)
    w.run("rebalance")
    step(w, [gone, "coordinator"])
    settle(w)


@cell(clocks=True, crash=True)
def a_coordinator_starts_again_with_another_clock(w):
    w.begin_reshard(w.random.choice((3, 4, 8)))
    w.some_events()
    step(w, ["coordinator"])
    w.kill("coordinator")
    w.start_host("coordinator")
    w.say(f"the plan is {w.await_plan_end(180)}")
    settle(w)


@cell(clocks=True, crash=True, extra_identifies=8)
def a_host_is_killed_while_clocks_step(w):
    step(w, w.random.sample([*HOSTS, "coordinator"], 3))
    gone = w.random.choice(HOSTS)
    w.say(f"kill -9 of {gone}")
    w.kill(gone)
    step(w, [x for x in (*HOSTS, "coordinator") if x != gone])
    w.await_served(by=[x for x in HOSTS if x != gone])
    w.start_host(gone)
    settle(w)


def sleeps(w, name, seconds):
    w.say(f"{name} sleeps for {seconds:.0f} s")
    w.freeze(name)
    end = time.monotonic() + seconds
    wait_for(f"{seconds:.0f} s", lambda: time.monotonic() >= end, seconds + 10)
    w.thaw(name)


@cell(crash=True, extra_identifies=6)
def a_host_sleeps_for_up_to_a_minute(w):
    gone = w.random.choice(HOSTS)
    sleeps(w, gone, w.random.uniform(1, 60))
    wait_for("the host's return", lambda: w.nodes_document().get(gone, {}).get("state") == "up", 60)
    w.delivered(int(w.rate * (LEASE_S + 3)), 60)
    w.await_served()
    w.run("rebalance")
    settle(w)


@cell(crash=True)
def the_coordinator_sleeps_for_up_to_a_minute(w):
    sleeps(w, "coordinator", w.random.uniform(1, 60))
    w.delivered(int(w.rate * (LEASE_S + 3)), 60)
    w.await_served()


@cell(store="etcd", crash=True)
def the_leading_host_sleeps_for_up_to_a_minute(w):
    gone = wait_for("a coordinator", w.leader, 30)
    sleeps(w, gone, w.random.uniform(1, 60))
    wait_for("the host's return", lambda: w.nodes_document().get(gone, {}).get("state") == "up", 60)
    w.delivered(int(w.rate * (LEASE_S + 3)), 60)
    w.await_served()
    expect(w.leader(), "nobody leads")


@cell(store="etcd", crash=True)
def the_store_sleeps_for_up_to_a_minute(w):
    sleeps(w, "etcd", w.random.uniform(1, 60))
    wait_for("an answer to `status`", lambda: w.ask("status"), 60)
    w.delivered(int(w.rate * (LEASE_S + 3)), 60)
    w.await_served()


@cell(crash=True, extra_identifies=8)
def a_host_sleeps_during_a_reshard(w):
    w.begin_reshard(w.random.choice((3, 4, 8)))
    w.some_events()
    sleeps(w, w.random.choice([*HOSTS, "coordinator"]), w.random.uniform(1, 60))
    w.say(f"the plan is {w.await_plan_end(180)}")
    settle(w)
