"""Compares what a bot saw with what happened in the simulated world.

What happened is the simulator's truth with digests (`shardyard sim --truth-digests`): each occurrence's guild, name and the CRC-32
of its `d`. What the bot saw are the lines of bots/recorder.mjs. The bot's sessions need not be the simulator's, so an event is
found again by its guild, name and digest, and its place among those of its guild.
"""
import collections
import json

GUILDLESS = "0"
# Presence and typing are latest-value events: counted, never judged (docs/architecture.md, "Lanes").
BEST_EFFORT = {"PRESENCE_UPDATE", "TYPING_START"}
# Answers to one session and what belongs to the session itself: no occurrences.
OWN = {"READY", "RESUMED", "GUILD_MEMBERS_CHUNK", "SOUNDBOARD_SOUNDS", "CHANNEL_INFO", "RATE_LIMITED", "VOICE_SERVER_UPDATE"}
NEEDS = {"PRESENCE_UPDATE": (1 << 8, 0), "TYPING_START": (1 << 11, 1 << 14), "MESSAGE_CREATE": (1 << 9, 1 << 12),
         "MESSAGE_UPDATE": (1 << 9, 1 << 12), "MESSAGE_DELETE": (1 << 9, 1 << 12), "GUILD_MEMBER_ADD": (1 << 1, 0),
         "GUILD_MEMBER_REMOVE": (1 << 1, 0), "GUILD_MEMBER_UPDATE": (1 << 1, 0), "VOICE_STATE_UPDATE": (1 << 7, 0),
         "MESSAGE_REACTION_ADD": (1 << 10, 1 << 13), "MESSAGE_REACTION_REMOVE": (1 << 10, 1 << 13)}
MESSAGE_CONTENT = 1 << 15
MASKED = {"MESSAGE_CREATE", "MESSAGE_UPDATE"}

Event = collections.namedtuple("Event", "name digest")


def occurrences(truth, after=0):
    """[(number, guild, name, channel, digest)] of the truth's lines that happened after occurrence number `after`."""
    rows = (json.loads(line) for line in truth.splitlines() if line.startswith('["o"'))
    return [tuple(row[1:6]) for row in rows if row[1] > after]


def lines_of(text):
    """The whole lines of a bot; a torn last one was not seen."""
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


class Judge:
    """`first`: the newest occurrence before the bot's start, made when the world was at rest. With `joins_late` the world was not:
    then each guild owes what happened after its GUILD_CREATE, of which only the end can be checked."""

    def __init__(self, intents, first=0, joins_late=False):
        self.intents = intents
        self.first = first
        self.joins_late = joins_late

    def admits(self, name, guild):
        needed = NEEDS.get(name)
        return not needed or bool(self.intents & needed[0 if guild else 1])

    def key(self, name, digest):
        if name in ("GUILD_CREATE",) or (name in MASKED and not self.intents & MESSAGE_CONTENT):
            digest = None  # each session has bytes of its own
        return Event(name, digest)

    @staticmethod
    def scope(name, guild, channel):
        """Where order is promised; None for events of which only the number is."""
        if name == "INTERACTION_CREATE":
            return "interactions", False
        if guild:
            return f"guild {guild}", True
        return (f"channel {channel}", True) if channel else ("no guild", False)

    def owed(self, rows):
        by_scope = collections.defaultdict(list)
        for _, guild, name, channel, digest in rows:
            guild = None if guild == GUILDLESS else guild
            if name not in BEST_EFFORT and self.admits(name, guild):
                by_scope[self.scope(name, guild, channel)].append(self.key(name, digest))
        return by_scope

    @staticmethod
    def seen(lines):
        """Dispatches that tell of the world; start-up GUILD_CREATEs and outages do not, and are counted by `life`."""
        awaited = set()
        for line in lines:
            if line["e"] != "dispatch":
                continue
            if line["t"] == "READY":
                awaited.update(line["guilds"])
            elif line["t"] == "GUILD_CREATE" and line["g"] in awaited:
                awaited.discard(line["g"])
            elif line["t"] == "GUILD_DELETE" and line.get("outage"):
                awaited.add(line["g"])
            elif line["t"] not in OWN:
                yield line

    def delivered(self, lines):
        by_scope = collections.defaultdict(list)
        for line in self.seen(lines):
            if line["t"] not in BEST_EFFORT:
                scope = self.scope(line["t"], line.get("g"), line.get("c"))
                by_scope[scope].append(self.key(line["t"], line.get("crc")))
        return by_scope

    def verdict(self, truth, lines):
        owed = self.owed(occurrences(truth, self.first))
        delivered = self.delivered(lines)
        result = collections.Counter(happened=0, delivered=0, lost=0, doubled=0, foreign=0, reordered=0)
        examples = []
        for scope in sorted(owed.keys() | delivered.keys()):
            want, got = owed.get(scope, []), delivered.get(scope, [])
            if self.joins_late:
                want = self.end_of(want, got, scope[1])
            result["happened"] += len(want)
            result["delivered"] += len(got)
            self.compare(scope, want, got, result, examples)
        return dict(result), examples

    @staticmethod
    def end_of(want, got, in_order):
        """What a bot owes that came late, as far as it can be said: without an order, what it got of what happened."""
        if in_order:
            return want[max(0, len(want) - len(got)):]
        return list((collections.Counter(want) & collections.Counter(got)).elements())

    @staticmethod
    def compare(scope, want, got, result, examples):
        counts_want, counts_got = collections.Counter(want), collections.Counter(got)
        missing, extra = counts_want - counts_got, counts_got - counts_want
        result["lost"] += missing.total()
        doubled = sum(n for event, n in extra.items() if event in counts_want)
        result["doubled"] += doubled
        result["foreign"] += extra.total() - doubled
        for what, events in (("lost", missing), ("more than once or never happened", extra)):
            for event in events:
                examples.append(f"{what}: {event.name} {event.digest} in {scope[0]}")
        if not missing and not extra and scope[1] and want != got:
            swapped = sum(a != b for a, b in zip(want, got))
            result["reordered"] += swapped
            examples.append(f"{swapped} out of place in {scope[0]}")


def life(lines):
    """What a bot's author would notice of his connections: counts, each of which has one reading."""
    result = collections.Counter(starts=0, sessions=0, resumed=0, disconnects=0, invalid=0, gaps=0, outages=0, joined=0, left=0,
                                 guilds=0, errors=0, best_effort=0)
    last, known = {}, set()
    for line in lines:
        kind = line["e"]
        if kind == "dispatch":
            shard, name, s = line["shard"], line["t"], line["s"]
            expected = 1 if name == "READY" else last.get(shard, 0) + 1
            result["gaps"] += s != expected
            last[shard] = s
            result["sessions"] += name == "READY"
            result["resumed"] += name == "RESUMED"
            result["best_effort"] += name in BEST_EFFORT
            result["outages"] += bool(line.get("outage"))
            if name == "GUILD_CREATE":
                known.add(line["g"])
            elif name == "GUILD_DELETE" and not line.get("outage"):
                known.discard(line["g"])
        else:
            counted = {"start": "starts", "closed": "disconnects", "invalid": "invalid", "joined": "joined", "left": "left",
                       "error": "errors"}.get(kind)
            if counted:
                result[counted] += 1
    result["guilds"] = len(known)
    return dict(result)


def cache_differences(cached, world):
    """`cached`: {guild: {name, channels, threads, roles, members}}, lists as fingerprints; `world` the same. A member count of None
    is not known to the bot. Returns texts, empty when both are equal."""
    found = [f"guild {guild} is not in the world" for guild in cached.keys() - world.keys()]
    found += [f"guild {guild} is not cached" for guild in world.keys() - cached.keys()]
    for guild in cached.keys() & world.keys():
        for key, value in world[guild].items():
            if cached[guild].get(key) is not None and cached[guild][key] != value:
                found.append(f"guild {guild}: {key} is {cached[guild][key]}, in the world {value}")
    return sorted(found)
