"""recorder.mjs for bots in Python: the same lines, the same commands, the same recollection after a kill."""
import asyncio
import json
import os
import sys
import time
import traceback
import zlib

settings = json.loads(sys.argv[1])


def compact(thing):
    """As JSON.stringify writes it."""
    return json.dumps(thing, separators=(",", ":"), ensure_ascii=False)


def fingerprint(pairs):
    return [len(pairs), zlib.crc32("\n".join(sorted(f"{id}={name}" for id, name in pairs)).encode())]


def naming(t, d):
    """The fields that tell which occurrence of the world this is."""
    guild = d.get("id" if t in ("GUILD_CREATE", "GUILD_DELETE") else "guild_id")
    of = {"g": guild} if guild else {}
    if t == "GUILD_DELETE" and d.get("unavailable"):
        of["outage"] = True
    if t == "GUILD_CREATE":
        of["members"] = d.get("member_count")
    else:
        of["crc"] = zlib.crc32(compact(d).encode())
    if not guild and d.get("channel_id"):
        of["c"] = d["channel_id"]
    if t in ("INTERACTION_CREATE", "MESSAGE_CREATE"):
        of["id"] = d["id"]
    return of


class Book:
    """book.mjs: the guilds as the raw events tell them."""

    def __init__(self):
        self.known = {}

    @staticmethod
    def named(things):
        return {x["id"]: x["name"] for x in things or ()}

    def take(self, t, d):
        if t == "GUILD_CREATE":
            if not d.get("unavailable"):
                threads = {x["id"]: (x["name"], x["parent_id"]) for x in d.get("threads", ())}
                self.known[d["id"]] = dict(name=d["name"], channels=self.named(d["channels"]), threads=threads,
                                           roles=self.named(d["roles"]), members=d["member_count"])
            return
        if t == "GUILD_DELETE":
            self.known.pop(d["id"], None)
            return
        guild = self.known.get(d.get("id" if t == "GUILD_UPDATE" else "guild_id"))
        if not guild:
            return
        if t == "GUILD_UPDATE":
            guild["name"] = d["name"]
            if d.get("roles"):
                guild["roles"] = self.named(d["roles"])
        elif t in ("CHANNEL_CREATE", "CHANNEL_UPDATE"):
            guild["channels"][d["id"]] = d["name"]
        elif t == "CHANNEL_DELETE":  # Discord tells nothing of the threads of a channel that was deleted
            guild["channels"].pop(d["id"], None)
            guild["threads"] = {id: x for id, x in guild["threads"].items() if x[1] != d["id"]}
        elif t in ("THREAD_CREATE", "THREAD_UPDATE"):
            if d.get("thread_metadata", {}).get("archived"):
                guild["threads"].pop(d["id"], None)
            else:
                guild["threads"][d["id"]] = (d["name"], d["parent_id"])
        elif t == "THREAD_DELETE":
            guild["threads"].pop(d["id"], None)
        elif t in ("GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE"):
            guild["roles"][d["role"]["id"]] = d["role"]["name"]
        elif t == "GUILD_ROLE_DELETE":
            guild["roles"].pop(d["role_id"], None)
        elif t in ("GUILD_MEMBER_ADD", "GUILD_MEMBER_REMOVE"):
            guild["members"] = None

    def guilds(self):
        return {id: dict(name=x["name"], channels=fingerprint(list(x["channels"].items())),
                         threads=fingerprint([(thread, name) for thread, (name, _) in x["threads"].items()]),
                         roles=fingerprint(list(x["roles"].items())), members=x["members"]) for id, x in self.known.items()}


class Recorder:
    def __init__(self, path):
        self.saved = {}  # by shard: session, url, sequence
        self.book = Book()
        self.own = None
        if os.path.exists(path):
            self.recall(path)
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.write(e="start", resumes=len(self.saved))

    def write(self, **line):
        os.write(self.file, (compact({"at": int(time.time() * 1000), **line}) + "\n").encode())

    def failed(self, text=None):
        text = text or traceback.format_exc()
        self.write(e="error", text=text)
        print(text, file=sys.stderr, flush=True)

    def dispatch(self, shard, t, s, d):
        """A dispatch as the library got it, before the library has done anything with it."""
        line = dict(e="dispatch", shard=shard, t=t, s=s)
        if t == "READY":
            line.update(session=d["session_id"], url=d["resume_gateway_url"], guilds=[x["id"] for x in d["guilds"]], pair=d.get("shard"))
        elif t != "RESUMED":
            line.update(naming(t, d))
        self.write(**line)
        self.book.take(t, d)

    def recall(self, path):
        text = open(path, "rb").read()
        whole = text.rfind(b"\n") + 1
        os.truncate(path, whole)
        for line in map(json.loads, text[:whole].splitlines()):
            if line["e"] == "dispatch" and line["t"] == "READY":
                self.saved[line["shard"]] = dict(session=line["session"], url=line["url"], sequence=1)
            elif line["e"] == "dispatch":
                self.saved[line["shard"]]["sequence"] = line["s"]

    async def obey(self):
        """Follows the commands on standard input to its end, which ends the process."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            if line.split() == [b"cache"]:
                self.write(e="cache", book=self.book.guilds(), own=self.own() if self.own else None)
        os._exit(0)


recorder = Recorder(settings["lines"])
