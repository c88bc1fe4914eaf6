// discord.js with its caches, as bots run it. It takes the shard count from /gateway/bot.
import assert from "node:assert/strict";
import { fail, intents, load, rehearse, restBase, seen, token } from "./rehearsal.mjs";

const { Client, Events } = load("discord.js");

const client = new Client({ intents, shards: "auto", rest: { api: restBase } });
client.on(Events.Raw, (payload, shard) => seen.dispatch(shard, payload));
client.on(Events.Error, fail);
client.once(Events.ClientReady, ({ guilds, ws }) => {
  assert.equal(ws.shards.size, seen.shards.length);
  assert.equal(guilds.cache.size, seen.each("guilds").reduce((sum, of) => sum + of.size, 0));
});
client.login(token).catch(fail);
await rehearse({ selfPaced: true });
