#!/usr/bin/env python3
"""Starts a simulated Discord, lets one npm client go through the rehearsal with it, ends it.

Exit codes: 0 all held, 1 something did not, 77 the npm packages are not there (CTest then reports the test as skipped).
"""
import argparse
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
TOKEN = "clients.test.token"
# Guilds for two shards by Discord's recommendation of one per 1,000; heartbeats often enough to be seen in the test.
# Discord may ask for a heartbeat at any time (op 1): here every few seconds.
WORLD = ["--guilds", "1200", "--rate", "500", "--heartbeat-ms", "10000", "--heartbeat-requests", "20"]
# @discordeno/gateway with zstd-stream loses HELLO, so that it never beats, and takes each zstd block (128 KiB) for a message:
# no large guild, and Discord's interval, which ends after the test.
ZSTD_WORLD = ["--guilds", "60", "--rate", "500", "--heartbeat-ms", "41250"]
# @discordeno/gateway inflates zlib in another thread and joins what comes out late to the next message, more often the busier the
# machine is: a connection that it so lost says nothing about the simulator.
# @discordjs/ws connects a shard twice where a close frame comes while it waits half a second before its next connection.
TWICE = "Tried to connect a shard that wasn't idle"
UNSTEADY = {("discordeno", "zlib"): "decompressPacket",
            **{(client, transport): TWICE for client in ("discordjs_ws", "discord_js") for transport in ("none", "zlib")}}
ATTEMPTS = 8
HERE = pathlib.Path(__file__).resolve().parent


def find_packages():
    """(folder of the packages, ""), or (None, why they cannot be used)."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    packages = pathlib.Path(cache) / "shardyard" / "clients"
    wanted = hashlib.sha256((HERE / "package.json").read_bytes() + (HERE / "package-lock.json").read_bytes())
    try:
        stamp = (packages / ".complete").read_text().strip()
    except FileNotFoundError:
        stamp = None
    if stamp == wanted.hexdigest():
        return packages, ""
    state = "not installed" if stamp is None else "installed in another version"
    return None, f"the npm clients are {state} (looked in {packages}); run scripts/setup-clients"


def installed_packages():
    packages, reason = find_packages()
    if not packages:
        print(f"SKIPPED: {reason}")
        sys.exit(SKIPPED)
    return packages


def port_of(sim, port_file, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if sim.poll() is not None:
            sys.exit(f"the simulator ended with code {sim.returncode} before it listened")
        text = port_file.read_text() if port_file.exists() else ""
        if text.endswith("\n"):
            return int(text)
        time.sleep(0.01)
    sys.exit(f"the simulator does not listen after {seconds} s")


def end(sim):
    """True when it ended in an orderly way, by our signal."""
    if sim.poll() is None:
        sim.terminate()
    try:
        code = sim.wait(timeout=20)
    except subprocess.TimeoutExpired:
        sim.kill()
        sim.wait()
        code = "none: it had to be killed"
    if code != 0:
        print(f"the simulator's exit code is {code}", file=sys.stderr)
    return code == 0


def rehearse(packages, options, folder):
    port_file = folder / "port"
    world = ZSTD_WORLD if options.transport == "zstd" else WORLD
    sim = subprocess.Popen(
        [options.shardyard, "sim", "--port", "0", "--port-out", port_file, "--token", TOKEN, "--no-presences", *world],
        stdout=subprocess.DEVNULL)
    try:
        origin = f"http://127.0.0.1:{port_of(sim, port_file)}"
        command = [packages / "node", HERE / f"{options.client}.mjs", origin, TOKEN, options.transport]
        environment = {"PATH": os.environ["PATH"], "SHARDYARD_CLIENTS": str(packages)}
        done = subprocess.run(command, env=environment, timeout=options.seconds, stderr=subprocess.PIPE, text=True)
        passed, said = done.returncode == 0, done.stderr
    except subprocess.TimeoutExpired:
        passed, said = False, f"the client is not done after {options.seconds} s"
    finally:
        orderly = end(sim)
    print(said, end="", file=sys.stderr)
    return passed and orderly, said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", help="name of the script, such as eris; or witness: the tests of the checks themselves")
    parser.add_argument("transport", nargs="?", default="none", choices=["none", "zlib", "zstd"])
    parser.add_argument("--shardyard", default="build/release/shardyard", help="the program (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=150, help="deadline (default: %(default)s)")
    options = parser.parse_args()
    packages = installed_packages()
    if options.client == "witness":
        tests = subprocess.run([packages / "node", "--test", HERE / "witness.test.mjs"], timeout=options.seconds)
        return 0 if tests.returncode == 0 else 1
    with tempfile.TemporaryDirectory(prefix="shardyard-clients-") as folder:
        last_begin = time.monotonic() + 80  # one attempt takes 150 s at most, and the test must end by itself
        for _ in range(ATTEMPTS):
            passed, said = rehearse(packages, options, pathlib.Path(folder))
            own = UNSTEADY.get((options.client, options.transport))
            if passed or not (own and own in said) or time.monotonic() > last_begin:
                break
            (pathlib.Path(folder) / "port").unlink()
        return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
