"""The coordinator process is killed in each state of a plan; started again, it carries the plan to its end."""
import signal

from world import expect, run, wait_for, world


def crash(w):
    w.coordinator.kill()
    w.delivered(150)  # the data plane goes on without it
    w.coordinator.start()


def finish_reshard(w):
    w.await_done()
    w.await_shards(3)
    audit = w.finish()
    expect(w.identifies() == 5, f"{w.identifies()} identifies, 5 were needed")
    return audit


def killed_while_preparing(options):
    with world(options, sim=("--no-presences",)) as w:
        w.begin(3)
        w.await_state("preparing")
        crash(w)
        finish_reshard(w)


def killed_while_settling(options):
    with world(options, sim=("--no-presences",), settings=["handover.stable_for_s=4"]) as w:
        w.begin(3)
        w.await_state("settling")
        crash(w)
        finish_reshard(w)


def killed_while_closing(options):
    # A stopped node cannot answer the drain, so the unit stays in closing until the coordinator is dead.
    with world(options, sim=("--no-presences",)) as w:
        w.begin(3, "--hold")
        wait_for("word that the plan waits for commit", lambda: "commit" in (w.report().get("notice") or ""), 40)
        w.nodes[0].child.send_signal(signal.SIGSTOP)
        try:
            w.run("commit")
            w.await_state("closing", seconds=2)
            w.coordinator.kill()
        finally:
            w.nodes[0].child.send_signal(signal.SIGCONT)
        w.coordinator.start()
        finish_reshard(w)


if __name__ == "__main__":
    run(killed_while_preparing, killed_while_settling, killed_while_closing)
