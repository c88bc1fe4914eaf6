#!/usr/bin/env python3
"""One bot of a library from npm, or of discord.py, goes through a play, once directly at the simulated Discord (the control) and once through
Shardyard, and is compared with what really happened.

   bots.py CLIENT [TRANSPORT] --through discord|shardyard

Through Shardyard: the upstream sessions reshard 2 -> 3 -> 8 -> 4 under load, with op 7, an invalid session in the overlap, a real
join and a real leave, and kill -9 of the node that the bot is not connected to; the bot must not notice. Directly: the faults that
a bot has to live with at Discord. In both the bot is killed and goes on by RESUME, and a new one must get the world as it is.
"""
import argparse
import sys

from play import Bot, check_cache, expect, judge, missing, wait_for
from stage import GUILDS, RATE, run


def faults_of_discord(stage, bot):
    """What may happen to a connection at Discord; each is followed by RESUME, and nothing is lost."""
    for fault in ({"kind": "reconnect"}, {"kind": "close", "code": 4000}, {"kind": "reset"}):
        before = bot.life()["resumed"]
        stage.http("/fault", fault)
        bot.await_resumed(before + bot.shards)
        stage.occurred(RATE)
    join_and_leave(stage)


def join_and_leave(stage):
    guilds = stage.guilds()
    stage.http("/fault", {"kind": "join"})
    stage.http("/fault", {"kind": "leave", "guild": guilds[len(guilds) // 2]})


def reshards(stage, bot):
    """What must not reach the bot at all."""
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
    bot = Bot(packages, options.client, stage.origin + "/api", folder, transport=options.transport).start()
    try:
        bot.await_guilds(GUILDS)
        check_cache(bot, stage.http, fresh=True)
        first, before = stage.stats()["occurrences"], bot.life()["disconnects"]
        stage.load()
        stage.occurred(2 * RATE)
        (faults_of_discord if stage.at_discord else reshards)(stage, bot)
        stage.rest()
        _, seen = judge(bot, stage.truth_lines, first)
        expect(seen["sessions"] == bot.shards, f"{seen['sessions']} sessions instead of {bot.shards}")
        if not stage.at_discord:
            expect(seen["disconnects"] == before, f"{seen['disconnects'] - before} disconnects")
            expect(seen["outages"] == 0 and seen["invalid"] == 0, f"{seen['outages']} outages, {seen['invalid']} invalid sessions")
        check_cache(bot, stage.http, fresh=False)
        restarted(stage, bot, first)
        if options.client in ("discord_js", "discord_py", "eris", "oceanic"):
            expect(seen["joined"] == 1 and seen["left"] == 1, f"the library told {seen['joined']} joins, {seen['left']} leaves")
    finally:
        bot.kill()
    born_anew(stage, packages, options, folder)
    broken = stage.http("/violations")
    expect(not broken, f"rules of Discord broken: {broken[:3]}")


def restarted(stage, bot, first):
    """The bot is killed under load and goes on where it was."""
    stage.load()
    stage.occurred(RATE)
    before = bot.life()
    identifies = stage.stats()["identifies_used"]
    bot.kill()
    stage.occurred(2 * RATE)
    bot.start()
    bot.await_resumed(before["resumed"] + bot.shards)
    stage.occurred(RATE)
    stage.rest()
    _, seen = judge(bot, stage.truth_lines, first)
    expect(seen["sessions"] == bot.shards, f"{seen['sessions'] - bot.shards} sessions began anew after the restart")
    expect(stage.stats()["identifies_used"] == identifies, "the restart took an IDENTIFY at Discord")


def born_anew(stage, packages, options, folder):
    """A new bot with another number of shards gets the world as it is now."""
    bot = Bot(packages, options.client, stage.origin + "/api", folder, name="anew", shards=2, transport=options.transport).start()
    try:
        bot.await_guilds(len(stage.guilds()))
        check_cache(bot, stage.http, fresh=True)
    finally:
        bot.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", help="name of a script in bots/, such as eris")
    parser.add_argument("transport", nargs="?", default="none", choices=["none", "zlib", "zstd"])
    if lacks := missing(parser.parse_known_args()[0].client):
        print(f"SKIPPED: {lacks}")
        sys.exit(77)
    sys.exit(run(play, parser, lambda options: {"sim": ["--no-presences"]}))
