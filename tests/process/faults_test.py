"""What Discord does to sessions: what cannot be recovered is reported, what can is delivered, nothing is silent."""
from world import expect, run, wait_for, world


def a_session_lost_without_a_plan_leaves_explained_gaps_only(options):
    with world(options, sim=("--no-presences",)) as w:
        before = w.identifies()
        expect(w.fault(kind="invalid_session", shard=[0, 2], resumable=False) == 1, "the fault hit no session")
        wait_for("a new session", lambda: w.identifies() == before + 1, 20)
        w.await_shards(2)
        w.delivered(300)
        audit = w.finish()
        expect(audit["gaps"]["explained"] > 0, f"no gap reported though a session died for good: {audit['gaps']}")


def a_resumable_drop_of_either_session_in_the_overlap_loses_nothing(options):
    with world(options, sim=("--no-presences",)) as w:
        w.begin(3)
        w.await_state("moving")
        expect(w.fault(kind="reset", shard=[0, 2]) == 1, "the fault hit no old session")
        expect(w.fault(kind="reconnect", shard=[1, 3]) == 1, "the fault hit no new session")
        w.await_done()
        w.await_shards(3)
        w.finish()
        expect(w.identifies() == 5, f"{w.identifies()} identifies, 5 were needed: drops should be resumed")


def an_event_withheld_from_one_session_is_delivered_or_counted(options):
    with world(options, sim=("--no-presences",), settings=["handover.stable_for_s=4", "handover.quiet_s=1"]) as w:
        # Held, and closed later than the silence that ends a comparison: what is withheld just before an old session is
        # closed can only be counted, and that is not the claim.
        w.begin(3, "--hold")
        hits = 0
        for state in ("moving", "settling"):
            w.await_state(state)
            for _ in range(10):
                hits += w.fault(kind="drop_event", shard=[1, 3])
                w.delivered(20)
        expect(hits > 0, "the fault hit no session")
        w.delivered(600)
        w.run("commit")
        w.await_done()
        figures = w.report()["figures"]
        audit = w.finish()
        told = audit["judged"]["late"] + figures["lead_only"] + figures["unverifiable"]
        print(f"   withheld {hits}: late {audit['judged']['late']} lead only {figures['lead_only']} "
              f"unverifiable {figures['unverifiable']}", flush=True)
        expect(told > 0, f"{hits} events withheld from one session, and no figure shows it: {figures}")


if __name__ == "__main__":
    run(a_session_lost_without_a_plan_leaves_explained_gaps_only,
        a_resumable_drop_of_either_session_in_the_overlap_loses_nothing,
        an_event_withheld_from_one_session_is_delivered_or_counted)
