#!/usr/bin/env python3
"""Plays of discord.js bots that do something: slash commands, two versions of a bot side by side, a call.

   bot_plays.py PLAY --through discord|shardyard
"""
import argparse
import sys

from play import ALL_INTENTS, Bot, check_cache, expect, judge, wait_for
from stage import GUILDS, RATE, run

MESSAGE_CONTENT, GUILD_PRESENCES = 1 << 15, 1 << 8


def slash_commands(stage, packages, folder):
    """Each interaction is answered once and in time, whatever happens to the sessions that bring it."""
    bot = Bot(packages, "discord_js", stage.origin + "/api", folder, answers=True).start()
    try:
        bot.await_guilds(GUILDS)
        wait_for("the client to be ready", lambda: bot.told("ready"), 30)
        first = stage.stats()["occurrences"]
        stage.load(RATE, interactions=5)
        stage.occurred(2 * RATE)
        if stage.at_discord:
            stage.http("/fault", {"kind": "reconnect"})
            bot.await_resumed(bot.shards)
        else:
            stage.reshard(4, lambda: stage.http("/fault", {"kind": "reconnect"}))
        stage.occurred(2 * RATE)
        stage.rest()

        def counts():
            return stage.stats()["interactions"]
        wait_for("an answer to each command", lambda: counts()["answered"] == counts()["happened"], 10)
        judge(bot, stage.truth_lines, first)
        commands = [line["id"] for line in bot.told("command")]
        print(f"   {counts()}", flush=True)
        expect(counts()["happened"] > 20, f"only {counts()['happened']} interactions happened")
        expect(len(commands) == len(set(commands)) == counts()["happened"], f"{len(commands)} commands, {len(set(commands))} different")
        expect(counts()["answered_again"] == counts()["answered_late"] == 0, f"answers again or late: {counts()}")
    finally:
        bot.kill()


def side_by_side(stage, packages, folder):
    """Two versions of a bot with their own shard counts and intents: the old one with all, the new one, started under load, without
    message content and presences."""
    api = stage.origin + "/api"
    blue = Bot(packages, "discord_js", api, folder, name="blue", shards=3, intents=ALL_INTENTS)
    green = Bot(packages, "discordjs_ws", api, folder, name="green", shards=5, intents=ALL_INTENTS & ~MESSAGE_CONTENT & ~GUILD_PRESENCES)
    try:
        blue.start().await_guilds(GUILDS)
        first = stage.stats()["occurrences"]
        stage.load()
        stage.occurred(RATE)
        green.start().await_guilds(GUILDS)
        if not stage.at_discord:
            stage.reshard(3)
        stage.occurred(4 * RATE)
        stage.rest()
        judge(blue, stage.truth_lines, first)
        judge(green, stage.truth_lines, first, joins_late=True)
        for bot in (blue, green):
            check_cache(bot, stage.http, members_fresh=False)
            expect(bot.life()["disconnects"] == 0, f"{bot.name}: {bot.life()['disconnects']} disconnects")
        masking(blue, green)
    finally:
        blue.kill()
        green.kill()


def masking(blue, green):
    """What one is told and the other is not."""
    def kinds(bot, name):
        return [line for line in bot.told("dispatch") if line["t"] == name]
    expect(kinds(blue, "PRESENCE_UPDATE"), "blue saw no presences")
    expect(not kinds(green, "PRESENCE_UPDATE"), "green saw presences")
    shown = {line["id"]: line["content"] for line in kinds(blue, "MESSAGE_CREATE")}
    both = [line for line in kinds(green, "MESSAGE_CREATE") if line.get("g") and line["id"] in shown]
    masked = sum(line["content"] == 0 and shown[line["id"]] > 0 for line in both)
    print(f"   {len(both)} messages in guilds at both, {masked} of them masked for green", flush=True)
    expect(masked > 0.8 * len(both) > 8, f"{masked} of {len(both)} messages are masked")
    direct = [line for line in kinds(green, "MESSAGE_CREATE") if not line.get("g")]
    expect(all(line["content"] == shown[line["id"]] for line in direct if line["id"] in shown), "a direct message is masked")


def call(stage, guild):
    """The bot's voice state as the simulated Discord has it."""
    world = stage.http(f"/world?guild={guild}")
    return next((state for state in world["voice_states"] if state["user_id"] == stage.http_user()), None)


PLAYS = {play.__name__: play for play in (slash_commands, side_by_side)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("play", choices=PLAYS)
    return run(lambda stage, packages, options, folder: PLAYS[options.play](stage, packages, folder), parser)


if __name__ == "__main__":
    sys.exit(main())
