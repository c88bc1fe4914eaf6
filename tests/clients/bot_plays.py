#!/usr/bin/env python3
"""Plays of discord.js bots that do something: slash commands, two versions of a bot side by side, a call.

   bot_plays.py PLAY --through discord|shardyard
"""
import argparse
import sys

from play import ALL_INTENTS, Bot, Failure, check_cache, expect, judge, wait_for
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
        stage.occurred(3 * RATE)
        if stage.at_discord:
            stage.http("/fault", {"kind": "reconnect"})
            bot.await_resumed(bot.shards)
        else:
            stage.reshard(4, lambda: stage.http("/fault", {"kind": "reconnect"}))
        stage.occurred(3 * RATE)
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
        stage.load(5 * RATE)
        stage.occurred(5 * RATE)
        green.start().await_guilds(GUILDS)
        if not stage.at_discord:
            stage.reshard(3)
        stage.occurred(20 * RATE)
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
    expect(blue.dispatches("PRESENCE_UPDATE"), "blue saw no presences")
    expect(not green.dispatches("PRESENCE_UPDATE"), "green saw presences")
    shown = {line["id"]: line["content"] for line in blue.dispatches("MESSAGE_CREATE")}
    both = [line for line in green.dispatches("MESSAGE_CREATE") if line.get("g") and line["id"] in shown]
    masked = sum(line["content"] == 0 and shown[line["id"]] > 0 for line in both)
    print(f"   {len(both)} messages in guilds at both, {masked} of them masked for green", flush=True)
    expect(masked > 0.8 * len(both) > 8, f"{masked} of {len(both)} messages are masked")
    direct = [line for line in green.dispatches("MESSAGE_CREATE") if not line.get("g")]
    expect(all(line["content"] == shown[line["id"]] for line in direct if line["id"] in shown), "a direct message is masked")


def call_of(stage, bot, guild):
    """The bot's voice state as the simulated Discord has it, or nothing."""
    user = bot.dispatches("READY")[0]["user"]["id"]
    return next((state for state in stage.http(f"/world?guild={guild}")["voice_states"] if state["user_id"] == user), None)


def live_session(stage, session):
    return next((row for row in stage.http("/sessions") if row["id"] == session and row["state"] == "live"), None)


def place_to_sing(stage):
    """(guild, voice channel) of the guild with the most members that has one."""
    for row in sorted(stage.http("/guilds"), key=lambda row: -row["members"]):
        for channel in stage.http(f"/world?guild={row['id']}")["channels"]:
            if channel["type"] == 2:
                return row["id"], channel["id"]
    raise Failure("no voice channel in this world")


def joined(stage, bot, guild, channel):
    """The bot joins and is told what its voice library needs: the session id that Discord knows, and a server."""
    bot.tell("voice", guild, channel)
    state = wait_for("the voice state at the bot", lambda: bot.told("voice state"), 20)[-1]
    wait_for("the voice server at the bot", lambda: bot.told("voice server"), 20)
    call = call_of(stage, bot, guild)
    expect(call and call["channel_id"] == channel, f"the bot is not in the channel: {call}")
    expect(state["session"] == call["session_id"], f"the bot was told session {state['session']}, Discord knows {call['session_id']}")
    expect(live_session(stage, call["session_id"]), "the call's session is none of the gateway's")
    return call["session_id"]


def singer(stage, packages, folder):
    bot = Bot(packages, "discord_js", stage.origin + "/api", folder, name="singer").start()
    bot.await_guilds(GUILDS)
    wait_for("the client to be ready", lambda: bot.told("ready"), 30)
    return bot


def no_call_ended(bot):
    expect(bot.life()["disconnects"] == 0 and not bot.told("voice ended"), "the bot was disconnected")


def voice_wait(stage, packages, folder):
    """The session of a call is kept until the call ends; then the reshard ends, too."""
    bot = singer(stage, packages, folder)
    try:
        guild, channel = place_to_sing(stage)
        session = joined(stage, bot, guild, channel)
        stage.load()
        if stage.at_discord:
            stage.http("/fault", {"kind": "reconnect"})
            bot.await_resumed(bot.shards)
        else:
            stage.run("reshard", "3", "--json")
            wait_for("all guilds but that of the call", lambda: stage.report().get("cut", 0) >= GUILDS - 1, 60)
            stage.occurred(6 * RATE)
            expect(stage.report()["state"] not in ("done", "aborted"), f"the reshard is {stage.report()['state']}")
            no_call_ended(bot)
        expect(live_session(stage, session), "the session of the call was closed")
        expect(call_of(stage, bot, guild)["session_id"] == session, "the call has another session")
        bot.tell("voice", guild)
        wait_for("the end of the call", lambda: not call_of(stage, bot, guild), 20)
        if not stage.at_discord:
            wait_for("the end of the reshard", lambda: stage.report().get("state") == "done", 60)
            expect(not live_session(stage, session), "the old session lives on")
        stage.rest()
    finally:
        bot.kill()


def voice_move(stage, packages, folder):
    """The call is joined again on the new session, and the bot is told where."""
    bot = singer(stage, packages, folder)
    try:
        guild, channel = place_to_sing(stage)
        session = joined(stage, bot, guild, channel)
        servers = len(bot.told("voice server"))
        stage.load()
        if stage.at_discord:
            return
        stage.reshard(3)
        wait_for("another voice server at the bot", lambda: len(bot.told("voice server")) > servers, 20)
        call = call_of(stage, bot, guild)
        expect(call and call["channel_id"] == channel, f"the call has ended: {call}")
        expect(call["session_id"] != session and live_session(stage, call["session_id"])["shard"][1] == 3, "the call did not move")
        wait_for("the new session at the bot", lambda: bot.told("voice state")[-1]["session"] == call["session_id"], 20)
        no_call_ended(bot)
        stage.rest()
    finally:
        bot.kill()


# Presences are many and never judged: only where they matter.
PLAYS = {"slash_commands": (slash_commands, {"sim": ["--no-presences"]}),
         "side_by_side": (side_by_side, {}),
         "voice_wait": (voice_wait, {"sim": ["--no-presences"], "settings": ["handover.voice=wait"]}),
         "voice_move": (voice_move, {"sim": ["--no-presences"], "settings": ["handover.voice=move"]})}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("play", choices=PLAYS)
    sys.exit(run(lambda stage, packages, options, folder: PLAYS[options.play][0](stage, packages, folder), parser,
                 lambda options: PLAYS[options.play][1]))
