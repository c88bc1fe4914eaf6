"""Wrong arguments, wrong configurations, absent peers: the exit code says which it was, the text what to do."""
import os
import socket
import subprocess
import tempfile

from world import SOURCE, expect, run, world
from cluster import free_port


class Program:
    def __init__(self, options, folder):
        self.program = options.program
        self.folder = folder
        self.environment = {"PATH": os.environ["PATH"], "DISCORD_TOKEN": "sim-token"}

    def __call__(self, *arguments, token=True):
        environment = {k: v for k, v in self.environment.items() if token or k != "DISCORD_TOKEN"}
        done = subprocess.run([self.program, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True,
                              timeout=30)
        return done.returncode, done.stdout + done.stderr

    def config(self, text):
        path = os.path.join(self.folder, "tried.toml")
        with open(path, "w") as out:
            out.write(text)
        return path

    def demand(self, code, words, *arguments, **how):
        got, text = self(*arguments, **how)
        expect(got == code, f"shardyard {' '.join(arguments)} ended with {got}, not {code}: {text}")
        for word in words:
            expect(word in text, f"shardyard {' '.join(arguments)} does not say {word!r}: {text}")
        expect("sim-token" not in text, f"the token is shown: {text}")


def wrong_arguments_are_usage_errors(options):
    with tempfile.TemporaryDirectory() as folder:
        p = Program(options, folder)
        p.demand(0, ["Usage"], "--help")
        p.demand(0, ["shardyard"], "--version")
        p.demand(2, ["subcommand"])
        p.demand(2, [], "frobnicate")
        p.demand(2, ["shards"], "reshard")
        p.demand(2, [], "reshard", "0")
        p.demand(2, [], "reshard", "many")
        p.demand(2, ["HOST:PORT"], "status", "--at", "nowhere")
        p.demand(2, ["HOST:PORT"], "status", "--at", "127.0.0.1:70000")
        p.demand(2, [], "status", "--timeout", "0")
        p.demand(2, ["config"], "node")
        p.demand(2, [], "sim", "--max-concurrency", "0")
        p.demand(2, ["--delay-min-ms"], "sim", "--delay-min-ms", "9", "--delay-max-ms", "3")


def an_absent_coordinator_is_told_from_a_refusal(options):
    with tempfile.TemporaryDirectory() as folder:
        p = Program(options, folder)
        p.demand(3, ["--at"], "status", "--at", f"127.0.0.1:{free_port()}", "--timeout", "2")
        p.demand(3, ["--at"], "reshard", "4", "--at", f"127.0.0.1:{free_port()}", "--timeout", "2")


def an_audit_without_its_files_fails_with_the_file_named(options):
    with tempfile.TemporaryDirectory() as folder:
        p = Program(options, folder)
        p.demand(1, ["absent.truth"], "audit", "--truth", "absent.truth", "--events", "absent.jsonl")
        p.demand(1, [], "audit", "--truth", f"http://127.0.0.1:{free_port()}/truth", "--events", "absent.jsonl")
        p.demand(2, ["--events"], "audit", "--truth", "x")


def a_wrong_configuration_names_every_wrong_key(options):
    with tempfile.TemporaryDirectory() as folder:
        p = Program(options, folder)
        p.demand(2, ["absent.toml"], "node", "--config", "absent.toml")
        p.demand(2, ["tried.toml"], "node", "--config", p.config("[node\n"))
        p.demand(2, ["node.naem", "handover.hold_ms"], "node", "--config",
                 p.config('[node]\nnaem = "a"\n[handover]\nhold_ms = 501\n[[sink]]\nkind = "null"\n'))
        p.demand(2, ["node.listen"], "node", "--config", p.config('[[sink]]\nkind = "null"\n'), "--set", "node.listen=0.0.0.0:7400")
        p.demand(2, ["nonsense"], "node", "--config", p.config('[[sink]]\nkind = "null"\n'), "--set", "nonsense")
        p.demand(2, ["DISCORD_TOKEN"], "node", "--config", os.path.join(SOURCE, "cluster-config/one-host.toml"), token=False)


def a_node_whose_port_is_taken_ends_and_names_the_port(options):
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as other:
        p = Program(options, folder)
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        own = os.path.join(SOURCE, "cluster-config/one-host.toml")

        def refused(coordinator, **at):
            p.demand(1, [taken.split(":")[1]], "node", "--config", own, *(x for key, value in {
                "node.listen": at["node"], "bots.listen": at["bots"], "coordinator.enabled": coordinator,
                "node.seeds": f"127.0.0.1:{free_port()}",
                "node.state_dir": os.path.join(folder, "state"), "store.path": os.path.join(folder, "cluster.db"),
                "discord.api_base": f"http://127.0.0.1:{free_port()}/api/v10"}.items() for x in ("--set", f"{key}={value}")))
        free = f"127.0.0.1:{free_port()}"
        refused("true", node=taken, bots=free)
        refused("true", node=free, bots=taken)
        refused("false", node=taken, bots=free)


def verbs_that_cannot_be_carried_out_are_refused_with_a_way_on(options):
    with world(options) as w:
        def refused(*arguments):
            code, out, err = w.run(*arguments, check=False)
            expect(code == 1 and len(err.strip().splitlines()) > 1, f"{arguments}: {code} {out} {err}")
        for verb in ("commit", "pause", "continue", "abort", "report"):
            refused(verb)
        refused("reshard", "2")
        refused("reshard", "2", "--json")
        dry = w.ask("plan", "3")
        expect(dry["allowed"] and dry["identifies_needed"] == 3, f"the dry run differs: {dry}")
        expect(w.identifies() == 2, "a dry run used identifies")
        expect("sim-token" not in w.run("status")[1], "status shows the token")
        w.delivered(100) # refusals come so soon that nothing may have happened yet
        w.finish()


if __name__ == "__main__":
    run(wrong_arguments_are_usage_errors, an_absent_coordinator_is_told_from_a_refusal,
        an_audit_without_its_files_fails_with_the_file_named, a_wrong_configuration_names_every_wrong_key,
        a_node_whose_port_is_taken_ends_and_names_the_port,
        verbs_that_cannot_be_carried_out_are_refused_with_a_way_on)
