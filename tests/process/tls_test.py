"""Mutual TLS between processes: a cluster lives under it."""
from world import expect, run, world


def a_reshard_under_tls_loses_nothing(options):
    with world(options, tls=True) as w:
        w.reshard(3)
        w.await_shards(3)
        w.finish()
        expect(w.identifies() == 2 + 3, f"{w.identifies()} identifies, 5 were needed")


if __name__ == "__main__":
    run(a_reshard_under_tls_loses_nothing)
