"""What the plays of bots share: the bot as a process with its lines, the world that it is compared with, and the verdict."""
import json
import os
import pathlib
import subprocess
import sys
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from cluster import Failure, free_port, wait_for  # noqa: E402, F401
from judge import Judge, cache_differences, life, lines_of  # noqa: E402

ALL_INTENTS = 53608447
NO_PRESENCES = ALL_INTENTS & ~(1 << 8)  # presences are many and alike, and never judged
TOKEN = "sim-token"
PYTHON = "/usr/bin/python3"  # Debian's own, which its packages are for


def missing(client):
    """What the client needs and this machine does not have, or nothing. The npm packages are looked for elsewhere."""
    if not (HERE / "bots" / f"{client}.py").exists():
        return None
    found = subprocess.run([PYTHON, "-c", "import discord"], capture_output=True, timeout=60).returncode == 0
    return None if found else "Debian's package python3-discord is not installed; run scripts/setup-clients"


def expect(condition, text):
    if not condition:
        raise Failure(text)


class LinesFile:
    """A file that grows, read as it does. A torn last line was not seen; a bot that starts again cuts it off."""

    def __init__(self, path):
        self.path = path
        self.seen = []
        self.offset = 0

    def lines(self):
        """All lines so far; they belong to this object."""
        if self.path.exists():
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                fresh = file.read()
            whole = fresh[:fresh.rfind(b"\n") + 1]
            self.seen += lines_of(whole.decode())
            self.offset += len(whole)
        return self.seen


class Bot:
    """One bot of a library, through all its processes."""

    def __init__(self, packages, client, api, folder, name=None, shards=3, transport="none", intents=NO_PRESENCES, authority=None,
                 **settings):
        """`authority`: a certificate to trust beside the usual ones."""
        self.client, self.transport = client, transport
        self.name = name or f"{client}.{transport}"
        self.shards = shards
        self.intents = intents
        self.lines_file = pathlib.Path(folder) / f"{self.name}.lines"
        self.log = pathlib.Path(folder) / f"{self.name}.log"
        self.settings = dict(api=api, token=TOKEN, shards=shards, transport=transport, intents=intents,
                             lines=str(self.lines_file), **settings)
        script = HERE / "bots" / f"{client}.py"
        self.command = [PYTHON, "-B", script] if script.exists() else [packages / "node", script.with_suffix(".mjs")]
        self.read = LinesFile(self.lines_file)
        self.environment = {"PATH": os.environ["PATH"], "SHARDYARD_CLIENTS": str(packages)}
        if authority:
            self.environment["NODE_EXTRA_CA_CERTS"] = authority
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.command, json.dumps(self.settings)], env=self.environment, stdout=log, stderr=log,
                                            stdin=subprocess.PIPE)
        return self

    def kill(self):
        """As a crash would: no close frame, nothing written any more."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            self.process.stdin.close()
            self.process = None

    def lines(self):
        if self.process and self.process.poll() is not None:
            raise Failure(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
        return self.read.lines()

    def tail(self, count=15):
        return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-count:])

    def life(self):
        return life(self.lines())

    def untroubled(self):
        """life(), or a failure that shows what the library threw."""
        life = self.life()
        expect(life["errors"] == 0, f"{self.name}: {life['errors']} errors:\n{self.tail()}")
        return life

    def await_guilds(self, count, seconds=60):
        """All shards are READY and the bot has every guild."""
        wait_for(f"{count} guilds at {self.name}", lambda: self.untroubled()["guilds"] == count, seconds)

    def await_resumed(self, more, seconds=30):
        wait_for(f"{more} RESUMED at {self.name}", lambda: self.life()["resumed"] >= more, seconds)

    def cache(self):
        """{"book": guilds as the raw events tell them, "own": the library's cache or nothing}"""
        before = len(self.told("cache"))
        self.tell("cache")
        return wait_for(f"the cache of {self.name}", lambda: self.told("cache")[before:], 20)[-1]

    def tell(self, *words):
        self.process.stdin.write(" ".join(words).encode() + b"\n")
        self.process.stdin.flush()

    def told(self, kind):
        """The bot's lines of one kind."""
        return [line for line in self.lines() if line["e"] == kind]

    def dispatches(self, name):
        return [line for line in self.told("dispatch") if line["t"] == name]


class VoiceServer:
    """Where the calls of bots go: bots/voice_server.mjs with a certificate of its own."""

    def __init__(self, packages, program, folder, port):
        certificates = os.path.join(folder, "voice")
        for arguments in (["init"], ["node", "voice", "--host", "127.0.0.1"]):
            subprocess.run([program, "certs", *arguments, "--dir", certificates], check=True, capture_output=True, timeout=30)
        self.authority = os.path.join(certificates, "ca.pem")
        self.lines_file = pathlib.Path(folder) / "voice.lines"
        with open(self.lines_file, "wb") as out:
            self.process = subprocess.Popen(
                [packages / "node", HERE / "bots" / "voice_server.mjs", str(port), os.path.join(certificates, "voice.pem"),
                 os.path.join(certificates, "voice.key")], env={"SHARDYARD_CLIENTS": str(packages)}, stdout=out, stderr=out)
        wait_for("the voice server", lambda: self.told("listens"), 20)

    def told(self, kind):
        return [line for line in lines_of(self.lines_file.read_text()) if line["e"] == kind]

    def heard(self, session):
        """Packets of sound in this session's call."""
        return max((line["packets"] for line in self.told("heard") if line["session"] == session), default=0)

    def hears_more(self, session):
        before = self.heard(session)
        wait_for(f"sound in the call of {session}", lambda: self.heard(session) > before, 20)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def fingerprint(things):
    """As book.mjs makes it."""
    return [len(things), zlib.crc32("\n".join(sorted(f"{x['id']}={x['name']}" for x in things)).encode())]


def world_of(http):
    """All guilds as the simulator has them; to be asked when the world is at rest."""
    world = {}
    for row in http("/guilds"):
        guild = http(f"/world?guild={row['id']}")
        world[row["id"]] = {"name": guild["name"], "channels": fingerprint(guild["channels"]),
                            "threads": fingerprint(guild["threads"]), "roles": fingerprint(guild["roles"]),
                            "members": guild["member_count"]}
    return world


def check_cache(bot, world, fresh):
    """`world`: as world_of() gave it. `fresh`: nothing has happened since the bot's GUILD_CREATEs. Else the libraries' own caches are
    not asked for what some do not keep right: members, of whom they count one twice whose joining Discord tells twice, and threads
    of channels that are gone."""
    cache = bot.cache()
    found = cache_differences(cache["book"], world)
    if cache["own"]:
        if not fresh:
            for guild in cache["own"].values():
                guild["members"] = guild["threads"] = None
        found += [f"{bot.client}: {text}" for text in cache_differences(cache["own"], world)]
    expect(not found, f"{bot.name}: cache and world differ in {len(found)} points: {found[:5]}")


def settled_verdict(bot, rows, first, seconds=20, **how):
    """Awaits that everything has come to the bot; (counts, examples of what is wrong all the same). `rows`: the simulator's truth."""
    one = Judge(bot.intents, first, **how)
    end = time.monotonic() + seconds
    while True:
        verdict, examples = one.verdict(rows, bot.lines())
        if not examples or time.monotonic() > end:
            return verdict, examples
        time.sleep(0.2)


def judge(bot, truth_lines, first, **how):
    """Demands that the bot got everything once and in order. `truth_lines()` gives the simulator's truth."""
    verdict, examples = settled_verdict(bot, truth_lines(), first, **how)
    seen = bot.life()
    print(f"   {bot.name}: " + " ".join(f"{key} {value}" for key, value in {**verdict, **seen}.items()), flush=True)
    wrong = [key for key in ("lost", "doubled", "foreign", "reordered") if verdict[key]]
    expect(not wrong, f"{bot.name}: {', '.join(wrong)}: {examples[:8]}")
    expect(seen["gaps"] == 0, f"{bot.name}: {seen['gaps']} gaps in the sequence numbers")
    expect(seen["errors"] == 0, f"{bot.name}: {seen['errors']} errors:\n{bot.tail()}")
    return verdict, seen
