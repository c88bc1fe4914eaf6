"""discord.py with its caches, as Debian has it. It speaks zlib-stream only. What a restarted process knows of its sessions is put
into its connections before they are made.

Members are not asked for at the start: with all 60 guilds asked for by two bots within 30 s Discord, too, would answer the second
one with RATE_LIMITED, which this version does not know and waits 30 s a guild for.
"""
import json
import sys
import traceback
from urllib.parse import urlsplit

import discord
import yarl
from discord.gateway import DiscordWebSocket

from recorder import fingerprint, recorder, settings

discord.http.Route.BASE = settings["api"] + "/v10"
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL("ws://" + urlsplit(settings["api"]).netloc)


def heard(ws, text):
    message = json.loads(text)
    if message["op"] == 0:
        recorder.dispatch(ws.shard_id, message["t"], message["s"], message["d"])
    elif message["op"] == 9:
        recorder.write(e="invalid", shard=ws.shard_id, resumable=message["d"])


made = DiscordWebSocket.from_client.__func__


async def from_client(cls, client, **how):
    if saved := recorder.saved.pop(how.get("shard_id"), None):
        how.update(gateway=yarl.URL(saved["url"]), session=saved["session"], sequence=saved["sequence"], resume=True)
    return await made(cls, client, **how)


DiscordWebSocket.log_receive = heard
DiscordWebSocket.from_client = classmethod(from_client)


class Bot(discord.AutoShardedClient):
    async def setup_hook(self):
        self.commands = self.loop.create_task(recorder.obey())

    async def before_identify_hook(self, shard_id, *, initial=False):
        """The simulated Discord lets 16 shards identify at once."""

    async def on_ready(self):
        recorder.write(e="ready")

    async def on_shard_resumed(self, shard_id):
        recorder.write(e="resumed", shard=shard_id)

    async def on_shard_disconnect(self, shard_id):
        recorder.write(e="closed", shard=shard_id, code=None)

    async def on_guild_join(self, guild):
        recorder.write(e="joined", g=str(guild.id))

    async def on_guild_remove(self, guild):
        recorder.write(e="left", g=str(guild.id))

    async def on_guild_unavailable(self, guild):
        recorder.write(e="unavailable", g=str(guild.id))

    async def on_error(self, event, *arguments, **more):
        recorder.failed(f"{event}: {traceback.format_exc()}")

    def cached(self):
        def pairs(things):
            return fingerprint([(x.id, x.name) for x in things])
        return {str(x.id): dict(name=x.name, channels=pairs(x.channels), threads=pairs(x.threads), roles=pairs(x.roles),
                                members=x.member_count) for x in self.guilds}


bot = Bot(intents=discord.Intents._from_value(settings["intents"]), shard_count=settings["shards"], chunk_guilds_at_startup=False)
recorder.own = bot.cached
try:
    bot.run(settings["token"], log_level=30)
except Exception:
    recorder.failed()
    sys.exit(1)
