"""Aborting a reshard: the old topology goes on as if nothing had been, and the next plan finds a clean ground."""
from world import expect, run, wait_for, world


def guilds_are_cut(w):
    return w.report().get("cut", 0) > 0


def an_abort_while_guilds_move_brings_all_back(options):
    with world(options, sim=("--no-presences",)) as w:
        w.begin(3)
        w.await_state("moving")
        wait_for("some guilds cut", lambda: guilds_are_cut(w), 20, closely=True)
        w.run("abort")
        w.await_state("aborted")
        w.await_shards(2)
        w.delivered(300)
        report = w.reshard(3)
        expect(report["plan"] == 2, f"the next plan should be number 2: {report['plan']}")
        w.await_shards(3)
        w.finish()


def an_abort_before_anything_moves_costs_nothing(options):
    with world(options, sim=("--no-presences",)) as w:
        w.begin(5)
        w.run("abort")
        w.await_state("aborted")
        w.await_shards(2)
        code, _, err = w.run("abort", check=False)
        expect(code == 1 and err, "an abort without a running plan is refused with a reason")
        w.delivered(300)
        w.finish()


def a_held_reshard_can_still_be_aborted(options):
    with world(options, sim=("--no-presences",)) as w:
        w.begin(3, "--hold")
        wait_for("word that the plan waits for commit", lambda: "commit" in (w.report().get("notice") or ""), 40)
        w.run("abort")
        w.await_state("aborted")
        w.await_shards(2)
        w.delivered(300)
        w.finish()


if __name__ == "__main__":
    run(an_abort_while_guilds_move_brings_all_back, an_abort_before_anything_moves_costs_nothing,
        a_held_reshard_can_still_be_aborted)
