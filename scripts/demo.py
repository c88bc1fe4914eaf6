"""The demo: reshards 4 -> 6 -> 3 -> 8 under load and faults, then compares what was delivered, to the sinks and to a discord.js bot,
with what happened."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(SOURCE, "scripts"), os.path.join(SOURCE, "tests", "clients")]
from cluster import Cluster, Failure, free_port, wait_for  # noqa: E402
from play import Bot, settled_verdict  # noqa: E402
from run import find_packages  # noqa: E402

QUIET_S, STABLE_S = 5, 2


def parse():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--program", default="build/release/shardyard", help=argparse.SUPPRESS)
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON")
    parser.add_argument("--guilds", type=int, default=2000, help="guilds in the simulated world (default 2000)")
    parser.add_argument("--rate", type=int, default=1000, help="events per second (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the world (default 1)")
    parser.add_argument("--keep", action="store_true", help="keep logs and events, and say where")
    return parser.parse_args()


def say(text):
    print(text, flush=True)


def live_progress(cluster, count):
    """Runs `reshard COUNT --watch` in the foreground, its own picture on our terminal."""
    return subprocess.run([cluster.program, "reshard", str(count), "--watch"], cwd=cluster.folder, env=cluster.environment,
                          timeout=150).returncode


def half_cut(report):
    return report and report["state"] in ("moving", "settling") and 2 * report["cut"] >= report["guilds"]


def while_moving(cluster, action):
    """Starts a thread that carries out `action` once half of the guilds are cut."""
    def body():
        try:
            wait_for("moving", lambda: half_cut(cluster.ask("report")), 60, closely=True)
            action()
        except Failure as failure:
            say(f"   ! {failure}")
    thread = threading.Thread(target=body)
    thread.start()
    return thread


def reshard(cluster, before, after, fault):
    say(f"\n-- reshard {before} -> {after}")
    thread = while_moving(cluster, fault)
    code = live_progress(cluster, after)
    thread.join()
    if code != 0:
        raise Failure(f"the reshard {before} -> {after} ended with {code}")
    return wait_for("the report", lambda: cluster.ask("report"), 20)


def drop(cluster):
    def action():
        say("   * TCP reset of an old shard's connection: it RESUMEs")
        cluster.fault(kind="reset", shard=[1, 4])
    return action


def invalid(cluster):
    def action():
        say("   * invalid session on a new shard: its guilds go back, it identifies again")
        cluster.fault(kind="invalid_session", shard=[1, 3], resumable=False)
    return action


def crash(cluster):
    def action():
        say("   * kill -9 of the coordinator")
        cluster.coordinator.kill()
        time.sleep(1)
        say("   * the coordinator is started again")
        cluster.coordinator.start()
    return action


def floor_of(report):
    """Permits, READY and guild stream as measured; the waits that the traffic itself imposed before a guild could be cut (the first
    fresh anchor or the first silence, measured); the time without differences that the configuration asks for."""
    return report["seconds_in"].get("preparing", 0) + report["traffic_wait_s"] + STABLE_S


class Listener:
    """The bot beside the audit: discord.js, unmodified, connected to node a as if to Discord. Without npm packages there is none."""

    def __init__(self, cluster, origin, guilds):
        self.cluster = cluster
        self.guilds = guilds
        packages, self.missing = find_packages()
        self.bot = Bot(packages, "discord_js", origin + "/api", cluster.folder, name="bot", shards=3) if packages else None

    def start(self):
        if not self.bot:
            return say(f"no bot beside the audit: {self.missing}")
        self.bot.start().await_guilds(self.guilds)
        wait_for("the bot to be ready", lambda: self.bot.told("ready"), 30)
        return self.tell("ready")

    def tell(self, when):
        if self.bot:
            seen = self.bot.life()
            say(f"   bot  {when}: {seen['guilds']} guilds in 3 shards of its own, {len(self.bot.dispatches('MESSAGE_CREATE'))} messages, "
                f"{seen['disconnects']} disconnects, {seen['joined']} joins, {seen['left']} leaves")

    def rows(self):
        """(rows of the table, whether nothing is wrong)"""
        if not self.bot:
            return {"bot": "not there: " + self.missing}, True
        with urllib.request.urlopen(self.cluster.truth(), timeout=60) as answer:
            verdict, examples = settled_verdict(self.bot, answer.read().decode(), 0)
        for example in examples[:5]:
            say(f"  ! bot: {example}")
        seen = self.bot.life()
        wrong = [verdict[key] for key in ("lost", "doubled", "foreign", "reordered")] + [seen["gaps"], seen["errors"]]
        messages = [line["id"] for line in self.bot.dispatches("MESSAGE_CREATE")]
        constant = seen["guilds"] == self.guilds and seen["joined"] == seen["left"] == 0
        return {
            "bot (discord.js): events": f"{verdict['delivered']} of {verdict['happened']}",
            "bot: lost, doubled, re-ordered": f"{verdict['lost']}, {verdict['doubled'] + verdict['foreign']}, {verdict['reordered']}",
            "bot: messages": len(messages),
            "bot: disconnects": seen["disconnects"],
            "bot: guilds at start and end": f"{self.guilds}, {seen['guilds']}",
            "bot: false joins and leaves": seen["joined"] + seen["left"],
        }, not any(wrong) and constant and seen["disconnects"] == 0

    def stop(self):
        if self.bot:
            self.bot.kill()


def table(audit, reports, stats, violations):
    judged = audit["judged"]
    best_effort = audit["lanes"]["best_effort"] if "lanes" in audit else {}
    delays = {"p50": max(r["added_delay"]["p50_ms"] for r in reports), "p99": max(r["added_delay"]["p99_ms"] for r in reports),
              "max": max(r["added_delay"]["max_ms"] for r in reports)}
    held = {"events": sum(r["held_events"]["events"] for r in reports),
            "p50": max(r["held_events"]["p50_ms"] for r in reports), "p99": max(r["held_events"]["p99_ms"] for r in reports),
            "max": max(r["held_events"]["max_ms"] for r in reports)}
    return {
        "events happened": stats["occurrences"],
        "delivered": judged["delivered"] + best_effort.get("delivered", 0),
        "lost": judged["lost"],
        "doubled": judged["doubled"],
        "redelivered": judged["redelivered"],
        "re-ordered": judged["reordered"],
        "late": judged["late"],
        "cuts: anchor": audit["cuts"]["anchor"],
        "cuts: quiet": quiet_cuts(audit["cuts"]),
        "cuts: swap back": audit["cuts"]["swap_back"],
        "cuts: accepted": audit["cuts"]["accepted"],
        "unverifiable": sum(r["figures"]["unverifiable"] for r in reports),
        "gaps explained": audit["gaps"]["explained"],
        "gaps unexplained": audit["gaps"]["unexplained"],
        "identifies used": stats["identifies_used"],
        "rule violations": violations,
        "added delay, all guild events (ms)": "p50 {p50:g}  p99 {p99:g}  max {max:g}".format(**delays),
        "held events (ms)": "{events} events  p50 {p50:g}  p99 {p99:g}  max {max:g}".format(**held),
    }


def quiet_cuts(cuts):
    """How many, and why no fresh anchor cut these guilds."""
    why = cuts["why_quiet"]
    return f"{cuts['quiet']}  ({why['silent']} without an event, {why['alike']} with the same last events, {why['unclear']} unclear)"


def print_table(rows):
    width = max(len(name) for name in rows)
    say("")
    for name, value in rows.items():
        say(f"  {name:<{width}}  {value}")


def run(options, folder):
    started = time.monotonic()
    ports = {name: free_port() for name in "ab"}
    cluster = Cluster(options.program, folder, SOURCE, guilds=options.guilds, rate=options.rate, seed=options.seed,
                      settings=[f"handover.stable_for_s={STABLE_S}", f"handover.quiet_s={QUIET_S}", "handover.probe_interval_s=1"],
                      sim=["--truth-digests"], bots={name: f"127.0.0.1:{port}" for name, port in ports.items()})
    bot = Listener(cluster, f"http://127.0.0.1:{ports['a']}", options.guilds)
    try:
        say(f"simulated Discord with {options.guilds} guilds; coordinator, nodes a and b; 4 shards identify")
        cluster.wait_live(4)
        bot.start()
        cluster.load(options.rate)
        say(f"{options.rate} events per second, presences included")
        reports = []
        for before, after, fault in ((4, 6, drop), (6, 3, invalid), (3, 8, crash)):
            reports.append(reshard(cluster, before, after, fault(cluster)))
            bot.tell(f"after the reshard to {after}")
        cluster.load(0)
        wait_for("the last deliveries", cluster.settled, 30)
        stats = cluster.http("/stats")
        broken = cluster.http("/violations")
        code, audit = cluster.audit()
        rows = table(audit, reports, stats, len(broken))
        for (before, after), report in zip(((4, 6), (6, 3), (3, 8)), reports):
            floor = floor_of(report)
            rows[f"time {before} -> {after} (s)"] = f"{report['elapsed_s']:.1f}  floor {floor:.1f}  ratio {report['elapsed_s'] / floor:.2f}"
        of_bot, bot_is_content = bot.rows()
        print_table({**rows, **of_bot})
        for reason in audit.get("reasons", []):
            say(f"  ! {reason}")
        for row in broken[:5]:
            say(f"  ! rule broken: {row['rule']}: {row['text']}")
        say(f"\n  {time.monotonic() - started:.0f} s in all")
        if options.json:
            with open(options.json, "w") as out:
                json.dump({"table": {**rows, **of_bot}, "audit": audit, "reports": reports, "stats": stats, "violations": broken}, out, indent=1)
        return 0 if code == 0 and not broken and bot_is_content else 1
    except (Failure, subprocess.TimeoutExpired) as failure:
        say(f"demo: {failure}")
        for process in [cluster.coordinator, *cluster.nodes]:
            say(f"-- end of {process.log}:\n{process.tail()}")
        return 1
    finally:
        bot.stop()
        cluster.stop()


def main():
    options = parse()
    folder = tempfile.mkdtemp(prefix="shardyard-demo-")
    try:
        return run(options, folder)
    finally:
        if options.keep:
            say(f"logs and events: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
