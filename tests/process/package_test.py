"""The installed package: complete, usable from somebody else's CMake project, and able to steer a live cluster."""
import json
import os
import shutil
import subprocess
import tempfile

from world import SOURCE, Failure, expect, run, wait_for, world
from cluster import free_port  # found by way of world


def cached(build, name):
    with open(os.path.join(build, "CMakeCache.txt")) as cache:
        for line in cache:
            if line.startswith(name + ":"):
                return line.split("=", 1)[1].strip()
    return ""


def carry_out(*arguments, **environment):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=240, env=dict(os.environ, **environment))
    if done.returncode != 0:
        raise Failure(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def build_against_package(options, folder):
    prefix, made = os.path.join(folder, "prefix"), os.path.join(folder, "build")
    carry_out("cmake", "--install", options.build, "--prefix", prefix)
    for name in ("bin/shardyard", "share/doc/shardyard/LICENSE", "share/doc/shardyard/cluster-config/one-host.toml"):
        expect(os.path.exists(os.path.join(prefix, name)), f"{name} is not installed")
    carry_out("cmake", "-S", os.path.join(SOURCE, "tests/process/package"), "-B", made, "-G", "Ninja", "-Wno-dev",
              f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCAF_DIR={cached(options.build, 'CAF_DIR')}",
              f"-DCMAKE_CXX_FLAGS={cached(options.build, 'CMAKE_CXX_FLAGS')}",
              f"-DCMAKE_CXX_COMPILER_LAUNCHER={shutil.which('ccache') or ''}",
              f"-DSHARDYARD_EXAMPLES_DIR={os.path.join(prefix, 'share/doc/shardyard/examples')}")
    # The compiler cache, where there is one, knows the sources again whatever the folder is called.
    carry_out("cmake", "--build", made, CCACHE_BASEDIR=folder, CCACHE_NOHASHDIR="1")
    return prefix, made


def lines_of(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def programs_of_somebody_else_reshard_a_live_cluster_and_receive_its_events(options):
    folder = tempfile.mkdtemp(prefix="syp-package-")
    bot = None
    try:
        prefix, made = build_against_package(options, folder)
        example, status = os.path.join(made, "reshard/reshard"), os.path.join(made, "status")
        options.program = os.path.join(prefix, "bin/shardyard")
        sink_port, received = free_port(), os.path.join(folder, "received")
        with open(received, "wb") as out:
            bot = subprocess.Popen([os.path.join(made, "sink/sink"), str(sink_port)], stdout=out)
        # The coordinator, which takes no events, gets both sinks by the same words.
        sinks = ["sink.0.kind=jsonl", "sink.1.kind=actor", f"sink.1.path=127.0.0.1:{sink_port}"]
        with world(options, settings=sinks) as w:
            node_port = w.ask("status")["nodes"][0]["address"].rsplit(":", 1)[1]
            reply = json.loads(carry_out(example, "127.0.0.1", node_port, "3"))
            expect(reply["from"] == 2 and reply["to"] == 3, f"an unexpected answer: {reply}")
            refused = subprocess.run([example, "127.0.0.1", str(w.port), "4"], capture_output=True, text=True, timeout=30)
            expect(refused.returncode == 1 and refused.stderr.strip(), "a reshard during a reshard is refused with a reason")
            w.await_done()
            seen = json.loads(carry_out(status, "127.0.0.1", str(w.port)))
            expect(seen["shards_wanted"] == 3, f"the package's own link sees another cluster: {seen}")
            w.await_shards(3)
            w.finish()
            delivered = sum(lines_of(path) for path in w.events_files())
            wait_for(f"{delivered} lines from the bot's own sink", lambda: lines_of(received) == delivered, 20)
    finally:
        if bot:
            bot.kill()
            bot.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run(programs_of_somebody_else_reshard_a_live_cluster_and_receive_its_events)
