#!/usr/bin/env python3
"""Bots of libraries from npm, and of discord.py, go through a play, either directly at the simulated Discord (the control) or through
Shardyard, and each is compared with what really happened.

   bots.py BOT... --through discord|shardyard        BOT: CLIENT, CLIENT.TRANSPORT or CLIENT TRANSPORT, such as eris.zlib

Through Shardyard: the upstream sessions reshard 2 -> 3 -> 8 -> 4 under load, with op 7, an invalid session in the overlap, a real
join and a real leave, and kill -9 of the node that the bots are not connected to; no bot must notice. Directly: the faults that
a bot has to live with at Discord; one bot, since several would have to share out the keys of its IDENTIFYs. In both each bot is killed
and goes on by RESUME, and a new one must get the world as it is.
"""
import argparse
import sys

from play import Bot, Failure, check_cache, expect, judge, missing, wait_for
from stage import GUILDS, RATE, run

TRANSPORTS = ("none", "zlib", "zstd")
TELLS_MEMBERSHIP = ("discord_js", "discord_py", "eris", "oceanic")  # libraries with events of their own for joins and leaves


class Cast:
    """The bots of a play, all in the same world. One that fails is taken off the stage, and the others go on."""

    def __init__(self, names, make):
        """`names`: [(client, transport)]; `make(client, transport, **more)` gives a Bot."""
        self.make = make
        self.bots = [make(*name) for name in names]
        self.failures = {}

    def each(self, act):
        for bot in list(self.bots):
            try:
                act(bot)
            except Failure as failure:
                print(f"   {bot.name} FAILED: {failure}", flush=True)
                self.failures[bot.name] = failure
                self.bots.remove(bot)
                bot.kill()
        expect(self.bots, "no bot is left")

    def lives(self):
        seen = {}

        def one(bot):
            seen[bot] = bot.life()
        self.each(one)
        return seen

    def expect_sessions(self, seen, when):
        """`seen`: life() of each bot. Every shard has had one session in its life."""
        self.each(lambda bot: expect(seen[bot]["sessions"] == bot.shards, f"{seen[bot]['sessions']} sessions {when} instead of {bot.shards}"))

    def judged(self, stage, first):
        """The life of each bot that got everything once and in order."""
        truth, seen = stage.truth_lines(), {}

        def one(bot):
            seen[bot] = judge(bot, lambda: truth, first)[1]
        self.each(one)
        return seen

    def check_caches(self, stage, fresh):
        world = stage.world()
        self.each(lambda bot: check_cache(bot, world, fresh))

    def await_resumed(self, before):
        self.each(lambda bot: bot.await_resumed(before[bot]["resumed"] + bot.shards))

    def end(self):
        for bot in self.bots:
            bot.kill()

    def tell_verdicts(self):
        for bot in self.bots:
            print(f"   {bot.name} ok", flush=True)
        expect(not self.failures, "; ".join(f"{name}: {failure}" for name, failure in self.failures.items()))


def faults_of_discord(stage, cast):
    """What may happen to a connection at Discord; each is followed by RESUME, and nothing is lost."""
    for fault in ({"kind": "reconnect"}, {"kind": "close", "code": 4000}, {"kind": "reset"}):
        before = cast.lives()
        stage.http("/fault", fault)
        cast.await_resumed(before)
        stage.occurred(RATE)
    join_and_leave(stage)


def join_and_leave(stage):
    guilds = stage.guilds()
    stage.http("/fault", {"kind": "join"})
    stage.http("/fault", {"kind": "leave", "guild": guilds[len(guilds) // 2]})


def reshards(stage):
    """What must not reach a bot at all."""
    stage.http("/fault", {"kind": "reconnect"})
    stage.reshard(3, lambda: stage.http("/fault", {"kind": "invalid_session", "shard": [1, 3], "resumable": False}))
    stage.reshard(8, lambda: join_and_leave(stage))
    other = stage.nodes[1]
    other.kill()
    stage.occurred(2 * RATE)
    other.start()
    wait_for("node b", lambda: len((stage.ask("status") or {}).get("nodes", [])) == 3, 30)
    stage.wait_live(8, 60)
    stage.reshard(4)


def play(stage, packages, options, folder):
    def make(client, transport, **more):
        return Bot(packages, client, stage.origin + "/api", folder, transport=transport, **more)
    cast = Cast(options.names, make)
    try:
        cast.each(Bot.start)
        cast.each(lambda bot: bot.await_guilds(GUILDS))
        cast.check_caches(stage, fresh=True)
        first, before = stage.stats()["occurrences"], cast.lives()
        stage.load()
        stage.occurred(2 * RATE)
        faults_of_discord(stage, cast) if stage.at_discord else reshards(stage)
        stage.rest()
        seen = cast.judged(stage, first)
        cast.expect_sessions(seen, "before the restart")
        if not stage.at_discord:
            cast.each(lambda bot: expect(seen[bot]["disconnects"] == before[bot]["disconnects"],
                                         f"{seen[bot]['disconnects'] - before[bot]['disconnects']} disconnects"))
            cast.each(lambda bot: expect(seen[bot]["outages"] == seen[bot]["invalid"] == 0,
                                         f"{seen[bot]['outages']} outages, {seen[bot]['invalid']} invalid sessions"))
        cast.check_caches(stage, fresh=False)
        restarted(stage, cast, first)
        cast.each(lambda bot: expect(bot.client not in TELLS_MEMBERSHIP or seen[bot]["joined"] == seen[bot]["left"] == 1,
                                     f"the library told {seen[bot]['joined']} joins, {seen[bot]['left']} leaves"))
    finally:
        cast.end()
    born_anew(stage, cast)
    broken = stage.http("/violations")
    expect(not broken, f"rules of Discord broken: {broken[:3]}")
    cast.tell_verdicts()
    if options.skipped:
        print(f"{options.skipped} of the bots were not there", flush=True)
        sys.exit(77)


def restarted(stage, cast, first):
    """The bots are killed under load and go on where they were."""
    stage.load()
    stage.occurred(RATE)
    before = cast.lives()
    identifies = stage.stats()["identifies_used"]
    cast.each(Bot.kill)
    stage.occurred(2 * RATE)
    cast.each(Bot.start)
    cast.await_resumed(before)
    stage.occurred(RATE)
    stage.rest()
    cast.expect_sessions(cast.judged(stage, first), "after the restart")
    expect(stage.stats()["identifies_used"] == identifies, "the restart took an IDENTIFY at Discord")


def born_anew(stage, cast):
    """New bots with another number of shards get the world as it is now."""
    anew = {bot: cast.make(bot.client, bot.transport, name=f"{bot.name}-anew", shards=2) for bot in cast.bots}
    guilds, world = len(stage.guilds()), stage.world()

    def right(bot):
        anew[bot].await_guilds(guilds)
        check_cache(anew[bot], world, fresh=True)
    try:
        cast.each(lambda bot: anew[bot].start())
        cast.each(right)
    finally:
        for bot in anew.values():
            bot.kill()


def named(words):
    """[(client, transport)]"""
    names = []
    for word in words:
        if word in TRANSPORTS and names:
            names[-1] = (names[-1][0], word)
        else:
            client, _, transport = word.partition(".")
            names.append((client, transport or "none"))
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bots", nargs="+", metavar="BOT", help="script in bots/ and transport (none, zlib or zstd), such as eris.zlib")

    def of_stage(options):
        if unknown := {transport for _, transport in named(options.bots)} - set(TRANSPORTS):
            parser.error(f"no transport is named {', '.join(sorted(unknown))}")
        lacking = {client: missing(client) for client, _ in named(options.bots)}
        for client, lacks in lacking.items():
            if lacks:
                print(f"   {client} SKIPPED: {lacks}", flush=True)
        options.names = [name for name in named(options.bots) if not lacking[name[0]]]
        options.skipped = len(named(options.bots)) - len(options.names)
        if not options.names:
            sys.exit(77)
        if options.through == "discord" and len(options.names) > 1:
            parser.error("directly at the simulated Discord a bot plays alone")
        return {"sim": ["--no-presences"]}
    return run(play, parser, of_stage)


if __name__ == "__main__":
    sys.exit(main())
