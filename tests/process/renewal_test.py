"""Renewals that begin by themselves: a session that went dumb, and caches that only a new session can fill."""
import os
import pathlib

from world import expect, run, wait_for, world

WATCH = ("watchdog.renew=true", "watchdog.stretch_s=1", "watchdog.silent_s=4", "watchdog.expected=30")


def live_sessions(w):
    """Topology of each live shard."""
    return [s["topology"] for s in (w.ask("status") or {"shards": []})["shards"] if s["state"] == "live"]


def uncached(w):
    status = w.ask("status")
    return status and status["delivery"]["uncached"]


def acknowledged_at_a(w):
    """a's log tells where its file ends: shards were told so, since b keeps a copy. After a start under load that may take seconds."""
    end = str(os.path.getsize(os.path.join(w.folder, "events-a.jsonl"))).encode()
    with os.scandir(os.path.join(w.folder, "shardyard-state", "a")) as files:
        return any(end in pathlib.Path(file.path).read_bytes() for file in files if file.name.startswith("positions-"))


def renewed(w, shards, seconds=60):
    """Waits until the sessions of the first topology have been replaced by as many new ones."""
    wait_for("a renewal", lambda: w.state() is not None, seconds)
    w.await_done()
    wait_for("the end of the old sessions", lambda: live_sessions(w) == [2] * shards, 20)
    report = w.report()
    expect(report["from"] == report["to"] == shards, f"that was no renewal: {report}")


def a_session_that_goes_dumb_is_noticed_told_and_replaced(options):
    # A short overlap between the alarm and its end would hide from `status` that it was told: the plan is begun by hand.
    with world(options, sim=("--no-presences",), settings=[*WATCH[1:], "watchdog.renew=false"]) as w:
        w.http("/world", {"interactions": 40})
        w.delivered(3000)
        expect(not w.ask("status")["silent_kinds"], f"an alarm without a reason: {w.ask('status')['silent_kinds']}")
        expect(w.fault(kind="mute", event="INTERACTION_CREATE", shard=[1, 2]) == 1, "the fault hit no session")
        told = wait_for("word of the silence", lambda: w.ask("status")["silent_kinds"], 30)
        expect(len(told) == 1 and told[0].endswith("INTERACTION_CREATE") and "[1,2]" in told[0], f"told was {told}")
        expect("--renew" in w.ask("status")["notice"], "the notice does not say what to do")
        expect(all(s["state"] == "live" for s in w.ask("status")["shards"]), "the session should live: it heartbeats")
        w.reshard(2, "--renew")
        w.await_shards(2)
        wait_for("the end of the alarm", lambda: not w.ask("status")["silent_kinds"], 20)
        w.delivered(600)
        w.http("/world", {"interactions": 0})
        w.finish(withheld="interactions")


def a_session_that_goes_dumb_is_replaced_by_itself(options):
    with world(options, sim=("--no-presences",), settings=WATCH) as w:
        w.http("/world", {"interactions": 40})
        w.delivered(3000)
        expect(w.state() is None, "a renewal began without a reason")
        expect(w.fault(kind="mute", event="INTERACTION_CREATE", shard=[1, 2]) == 1, "the fault hit no session")
        renewed(w, 2)
        expect(w.identifies() == 4, f"{w.identifies()} identifies, 4 were needed")
        w.delivered(600)
        w.http("/world", {"interactions": 0})
        w.finish(withheld="interactions")


def a_cache_that_is_turned_on_is_filled_by_itself(options):
    with world(options, sim=("--no-presences",), settings=["cache.refill_after_s=2"]) as w:
        w.delivered(300)
        for node in w.nodes:
            node.stop()
            node.arguments += ["--set", "cache.enabled=true"]
            node.start()
        w.await_shards(2)
        renewed(w, 2)
        expect(uncached(w) == 0, f"{uncached(w)} guilds are still missing")
        expect("cache_refill" not in w.ask("status"), "status still speaks of it")
        w.delivered(600)
        w.finish()
        expect(w.identifies() == 4, f"{w.identifies()} identifies, 4 were needed")


def caches_lost_with_a_host_are_filled_through_second_sessions(options):
    # What b keeps of a's partitions is as a's were: without caches.
    with world(options, sim=("--no-presences",), settings=["cache.refill_after_s=2"], failover=True,
               of_node={"a": ["cache.enabled=false"], "b": ["cache.enabled=true"]}) as w:
        w.delivered(300)
        # What came with READY shall not come again: with caches GUILD_CREATE is a line of its own, and a has none.
        w.load(0)
        wait_for("the acknowledgement of all that a has delivered", lambda: acknowledged_at_a(w), 30)
        wait_for("the last deliveries", w.settled, 30)
        expect(uncached(w) == 0, f"{uncached(w)} guilds are missing before the loss")
        w.nodes[0].kill()
        w.load(300)
        missing = wait_for("the loss of caches", lambda: uncached(w), 40)
        print(f"   {missing} guilds without cache", flush=True)
        renewed(w, 2)
        expect(uncached(w) == 0, f"{uncached(w)} guilds are still missing")
        w.nodes[0].start()  # so that nothing of what it said last is taken for the present
        wait_for("the host's return", lambda: all(n["state"] == "up" for n in w.ask("nodes")["nodes"]), 30)
        w.delivered(600)
        w.finish(redelivered_allowed=True)
        expect(w.identifies() == 4, f"{w.identifies()} identifies, 4 were needed")


def no_renewal_goes_below_the_reserve_or_against_the_operator(options):
    for settings, word in ((["identify.reserve=999"], "IDENTIFYs"), (["cache.refill=false"], "off")):
        with world(options, sim=("--no-presences", "--budget", "1000"), settings=["cache.refill_after_s=1", *settings]) as w:
            w.delivered(300)  # else a RESUME brings the GUILD_CREATEs again
            for node in w.nodes:
                node.stop()
                node.arguments += ["--set", "cache.enabled=true"]
                node.start()
            w.await_shards(2)
            def told():
                return (w.ask("status") or {}).get("cache_refill", "")
            wait_for("word of the missing caches", lambda: "guilds are not in the cache" in told() and word in told(), 30)
            w.delivered(900)
            expect(w.state() is None and w.identifies() == 2, f"a plan is {w.state()}, {w.identifies()} identifies")
            w.finish()


if __name__ == "__main__":
    run(a_session_that_goes_dumb_is_noticed_told_and_replaced, a_session_that_goes_dumb_is_replaced_by_itself,
        a_cache_that_is_turned_on_is_filled_by_itself, caches_lost_with_a_host_are_filled_through_second_sessions,
        no_renewal_goes_below_the_reserve_or_against_the_operator)
