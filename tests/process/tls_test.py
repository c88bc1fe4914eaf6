"""Mutual TLS between processes: a cluster lives under it, and each kind of bad peer is refused in both directions."""
import os
import threading

from bad_peers import Forwarder, Imposter, Papers, bad_servers, kinds, visit
from world import expect, run, wait_for, world

from cluster import free_port

CROWD = 150  # more than a node shakes hands with at a time
ROUNDS = 10  # visits of each kind that is refused at once
PATIENT = ("plain TCP", "random bytes", "half handshake", "slow handshake")  # a node gives these some seconds
MIB = 1024


def held(process):
    """Open files, threads and KiB of memory of a process."""
    pid = process.child.pid
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"]), int(fields["VmRSS"].split()[0])


def in_parallel(tasks):
    failures = []

    def carry_out(name, task):
        try:
            task()
        except Exception as error:  # told below, with its name
            failures.append(f"{name}: {error}")
    threads = [threading.Thread(target=carry_out, args=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not failures, "; ".join(failures[:5]))


def add_node(w, name, seeds, *settings):
    w.run("certs", "node", name, "--dir", w.certs, "--force")
    w.nodes.append(w.node_process(name, "two-nodes.toml", [
        f"node.name={name}", f"node.listen=127.0.0.1:{free_port()}", f"node.seeds={','.join(seeds)}", *settings]).start())
    return w.nodes[-1]


def log_of(process):
    with open(process.log, errors="replace") as log:
        return log.read()


def joined(w, name):
    status = w.ask("status")
    return status and any(node["node"] == name and node["state"] == "up" for node in status["nodes"])


def a_reshard_under_tls_loses_nothing(options):
    with world(options, tls=True) as w:
        w.reshard(3)
        w.await_shards(3)
        w.finish()
        expect(w.identifies() == 2 + 3, f"{w.identifies()} identifies, 5 were needed")


def every_bad_peer_that_dials_a_node_is_refused_and_leaves_nothing(options):
    with world(options, tls=True) as w:
        bad = kinds(Papers(w))
        expect(len(bad) == 12, "twelve kinds are meant")
        in_parallel([(name, lambda act=act: visit(w.port, act)) for name, act in bad.items()])  # what is allocated once
        files, threads, memory = held(w.coordinator)
        crowd = [("crowd", lambda: visit(w.port, bad["half handshake"])) for _ in range(CROWD)]
        others = [(name, lambda act=act: [visit(w.port, act) for _ in range(1 if name in PATIENT else ROUNDS)])
                  for name, act in bad.items()]
        asked = []

        def ask_meanwhile():
            code, _, err = w.run("status", "--timeout", "4", check=False)
            asked.append((code, err))
        in_parallel([*crowd, *others, *[("operator", ask_meanwhile)] * 5])
        expect(all(code == 0 for code, _ in asked), f"honest peers were kept waiting by bad ones: {asked}")
        wait_for(f"{files} open files again", lambda: held(w.coordinator)[0] <= files, 15)
        expect(held(w.coordinator)[1] <= threads, f"{threads} threads became {held(w.coordinator)[1]}")
        grown = held(w.coordinator)[2] - memory
        expect(grown < 16 * MIB, f"{grown} KiB of memory stayed")
        log = log_of(w.coordinator)
        for reason in ("shows no certificate", "certificate has expired", "self-signed certificate", "TLS 1.3",
                       "another cluster", "in time", "4294967295 bytes"):
            expect(reason in log, f"no refusal in the log says '{reason}'")
        add_node(w, "c", [w.at])
        wait_for("a good node's joining", lambda: joined(w, "c"), 20)
        w.delivered(100)
        w.finish()


def every_bad_peer_that_a_node_dials_is_refused_and_leaves_nothing(options):
    with world(options, tls=True) as w:
        imposters = {name: Imposter(act) for name, act in bad_servers(Papers(w)).items()}
        way_out = Forwarder(free_port())
        node = add_node(w, "c", [f"127.0.0.1:{port}" for port in (*(x.port for x in imposters.values()), way_out.port)])

        def all_visited(times):
            expect(node.running(), "the node ended")
            return all(x.visits >= times for x in imposters.values())
        wait_for("one round of all seeds", lambda: all_visited(2), 60)
        files, threads, memory = held(node)
        wait_for("another round of all seeds", lambda: all_visited(3), 60)
        wait_for(f"about {files} open files", lambda: held(node)[0] <= files + 3, 15)
        expect(held(node)[1] <= threads + 1, f"{threads} threads became {held(node)[1]}")
        grown = held(node)[2] - memory
        expect(grown < 16 * MIB, f"{grown} KiB of memory stayed")
        log = log_of(node)
        for name, imposter in imposters.items():
            told = f"127.0.0.1:{imposter.port}: " in log
            expect(told, f"'{name}' is not in the log as a seed that was refused")
        expect(not joined(w, "c"), "the node joined, though none of its seeds is of the cluster")
        way_out.open(w.port)
        wait_for("joining through the one good seed", lambda: joined(w, "c"), 40)
        w.delivered(100)
        w.finish()


def a_node_of_another_cluster_is_told_so(options):
    with world(options, tls=True, nodes=1) as w:
        stranger = add_node(w, "z", [w.at], "cluster.id=other")
        wait_for("the refusal", lambda: "another cluster or speaks another version" in log_of(stranger), 20)
        expect(not joined(w, "z"), "a node of another cluster joined")


def commands_need_a_certificate_and_files_must_be_right(options):
    with world(options, tls=True, nodes=1) as w:
        certs = w.environment.pop("SHARDYARD_TLS")
        code, _, err = w.run("status", "--timeout", "3", check=False)
        expect(code == 3 and "certificates" in err, f"without certificates: {code} {err}")
        code, _, err = w.run("status", "--ca", f"{certs}/ca.pem", check=False)
        expect(code == 2 and "--tls DIR" in err, f"with a CA only: {code} {err}")
        w.run("status", "--ca", f"{certs}/ca.pem", "--cert", f"{certs}/admin.pem", "--key", f"{certs}/admin.key")
        w.run("status", "--tls", certs)
        os.chmod(f"{certs}/admin.key", 0o644)
        code, _, err = w.run("status", "--tls", certs, check=False)
        expect(code == 2 and f"chmod 600 {certs}/admin.key" in err, f"with a key that all can read: {code} {err}")
        # An admin's certificate does not make a node: its holder could not be dialled by the others.
        os.chmod(f"{certs}/admin.key", 0o600)
        pretender = add_node(w, "b", [w.at], f"tls.certificate_file={certs}/admin.pem", f"tls.key_file={certs}/admin.key")
        wait_for("the end of a node with an admin's certificate", lambda: not pretender.running(), 10)
        expect("not one for a node" in log_of(pretender), f"the reason is told: {pretender.tail()}")
        code, _, err = w.run("certs", "node", "b", "--dir", certs, check=False)
        expect(code == 1 and "--force" in err, f"a certificate is not replaced unasked: {code} {err}")


if __name__ == "__main__":
    run(a_reshard_under_tls_loses_nothing, every_bad_peer_that_dials_a_node_is_refused_and_leaves_nothing,
        every_bad_peer_that_a_node_dials_is_refused_and_leaves_nothing, a_node_of_another_cluster_is_told_so,
        commands_need_a_certificate_and_files_must_be_right)
