"""Reshards of real processes under load, as an operator asks for them."""
from world import expect, run, wait_for, world


def a_reshard_up_and_down_loses_nothing(options):
    with world(options) as w:
        w.reshard(3)
        w.await_shards(3)
        report = w.reshard(1)
        w.await_shards(1)
        expect(report["from"] == 3 and report["to"] == 1, f"the newest report is of another reshard: {report}")
        w.finish()
        expect(w.identifies() == 2 + 3 + 1, f"{w.identifies()} identifies, 6 were needed")


def a_held_reshard_closes_nothing_before_commit(options):
    with world(options) as w:
        w.begin(3, "--hold")
        w.await_state("settling")
        wait_for("word that the plan waits for commit", lambda: "commit" in (w.report().get("notice") or ""), 30)
        live = [s["shard"] for s in w.ask("status")["shards"] if s["state"] == "live"]
        expect(len(live) == 5, f"old and new shards should be live, but these are: {live}")
        code, _, err = w.run("reshard", "4", check=False)
        expect(code == 1 and err, "a second reshard beside a held one is refused with a reason")
        w.run("commit")
        w.await_done()
        w.await_shards(3)
        w.finish()


def a_renewal_replaces_every_session_at_the_same_count(options):
    with world(options) as w:
        code, _, err = w.run("reshard", "2", check=False)
        expect(code == 1 and "--renew" in err, f"the present count is refused and --renew is named: {code} {err}")
        w.reshard(2, "--renew")
        status = w.await_shards(2)
        expect({s["topology"] for s in status["shards"] if s["state"] == "live"} == {2}, f"old sessions live on: {status['shards']}")
        w.finish()
        expect(w.identifies() == 4, f"{w.identifies()} identifies, 4 were needed")


if __name__ == "__main__":
    run(a_reshard_up_and_down_loses_nothing, a_held_reshard_closes_nothing_before_commit,
        a_renewal_replaces_every_session_at_the_same_count)
