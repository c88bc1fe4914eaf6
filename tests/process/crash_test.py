"""A node that is killed: its shards RESUME when it comes back, the others keep events for it, nothing is lost."""
from world import expect, run, wait_for, world


def resumes(w):
    status = w.ask("status")
    return sum(s["resumes"] for s in status["shards"]) if status else 0


def a_node_killed_while_guilds_move_resumes_its_shards(options):
    with world(options, sim=("--no-presences",)) as w:
        w.begin(3)
        w.await_state("moving")
        wait_for("some guilds cut", lambda: w.report().get("cut", 0) > 0, 20, closely=True)
        before = w.identifies()
        w.nodes[0].kill()
        w.delivered(200)
        w.nodes[0].start()
        w.await_done()
        w.await_shards(3)
        expect(w.identifies() == before == 5, f"{w.identifies()} identifies, {before} before the crash, 5 were needed")
        expect(resumes(w) > 0, "no shard resumed its session")
        w.finish()


def a_node_killed_between_reshards_redelivers_nothing_to_its_file(options):
    with world(options, sim=("--no-presences",)) as w:
        for node in (w.nodes[1], w.nodes[0]):
            w.delivered(200)
            node.kill()
            w.delivered(300)
            node.start()
            w.await_shards(2)
        w.delivered(200)
        expect(w.identifies() == 2, f"{w.identifies()} identifies, the sessions should have been resumed")
        w.finish()


if __name__ == "__main__":
    run(a_node_killed_while_guilds_move_resumes_its_shards, a_node_killed_between_reshards_redelivers_nothing_to_its_file)
