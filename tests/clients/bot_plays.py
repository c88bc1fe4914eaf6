#!/usr/bin/env python3
"""Plays of discord.js bots that do something: slash commands, two versions of a bot side by side, a call.

   bot_plays.py PLAY --through discord|shardyard
"""
import argparse
import sys

from play import ALL_INTENTS, Bot, Failure, VoiceServer, check_cache, expect, judge, wait_for
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
            check_cache(bot, stage.world(), fresh=False)
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


class Call:
    """A music bot that has joined a channel and plays; with the voice server that hears it."""

    def __init__(self, stage, packages, folder):
        self.stage = stage
        self.server = VoiceServer(packages, stage.program, folder, stage.voice_port)
        self.bot = Bot(packages, "discord_js", stage.origin + "/api", folder, name="singer", authority=self.server.authority)

    def __enter__(self):
        self.bot.start().await_guilds(GUILDS)
        wait_for("the client to be ready", lambda: self.bot.told("ready"), 30)
        return self

    def __exit__(self, *failure):
        self.bot.kill()
        self.server.stop()

    def state(self):
        return call_of(self.stage, self.bot, self.guild)

    def join(self):
        """The bot is told what its voice library needs: the session id that Discord knows, and a server, which hears it then."""
        self.guild, channel = place_to_sing(self.stage)
        self.bot.tell("voice", self.guild, channel)
        return self.plays(channel)

    def plays(self, channel):
        """In the channel, as Discord, the bot and the voice server agree; returns the session."""
        wait_for("the voice library to be ready", lambda: self.bot.told("voice")[-1:] and self.bot.told("voice")[-1]["status"] == "ready", 30)
        state = self.state()
        expect(state and state["channel_id"] == channel, f"the bot is not in the channel: {state}")
        session, told = state["session_id"], self.bot.told("voice state")[-1]["session"]
        expect(told == session, f"the bot was told session {told}, Discord knows {session}")
        expect(live_session(self.stage, session), "the call's session is none of the gateway's")
        greeted, server = self.server.told("identify")[-1], self.bot.told("voice server")[-1]
        expect((greeted["guild"], greeted["session"], greeted["token"]) == (self.guild, session, server["token"]),
               f"the voice server was greeted with {greeted}")
        self.server.hears_more(session)
        return session

    def unbroken(self):
        """The bot's gateway did not close, nor did its call."""
        expect(self.bot.life()["disconnects"] == 0 and not self.bot.told("voice ended"), "the bot was disconnected")
        expect(self.bot.life()["errors"] == 0, f"errors:\n{self.bot.tail()}")


def voice_wait(stage, packages, folder):
    """The session of a call is kept until the call ends; then the reshard ends, too."""
    with Call(stage, packages, folder) as call:
        session = call.join()
        stage.load()
        if stage.at_discord:
            stage.http("/fault", {"kind": "reconnect"})
            call.bot.await_resumed(call.bot.shards)
        else:
            stage.run("reshard", "3", "--json")
            wait_for("all guilds but that of the call", lambda: stage.report().get("cut", 0) >= GUILDS - 1, 60)
            stage.occurred(6 * RATE)
            expect(stage.report()["state"] not in ("done", "aborted"), f"the reshard is {stage.report()['state']}")
            call.unbroken()
        expect(live_session(stage, session), "the session of the call was closed")
        expect(call.state()["session_id"] == session, "the call has another session")
        call.server.hears_more(session)
        expect(len(call.server.told("identify")) == 1 and not call.server.told("closed"), "the call was interrupted")
        call.bot.tell("voice", call.guild)
        wait_for("the end of the call", lambda: not call.state(), 20)
        if not stage.at_discord:
            wait_for("the end of the reshard", lambda: stage.report().get("state") == "done", 60)
            expect(not live_session(stage, session), "the old session lives on")
        stage.rest()


def voice_move(stage, packages, folder):
    """The call is joined again on the new session, and the bot is told where."""
    with Call(stage, packages, folder) as call:
        session = call.join()
        channel = call.state()["channel_id"]
        stage.load()
        if stage.at_discord:
            return
        stage.reshard(3)
        wait_for("another greeting of the voice server", lambda: len(call.server.told("identify")) == 2, 30)
        moved = call.plays(channel)
        expect(moved != session and live_session(stage, moved)["shard"][1] == 3, "the call did not move to the new sessions")
        call.unbroken()
        stage.rest()


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
