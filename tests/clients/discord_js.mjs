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

const guild = (id) => client.guilds.cache.get(id);
const adapters = new Map(); // what @discordjs/voice would hold
const bot = {
  answers: false,
  user: () => client.user.id,
  requestMembers: async (id) => [...(await guild(id).members.fetch()).keys()],
  setVoice(id, channel) {
    if (!adapters.has(id)) {
      const ignored = { onVoiceServerUpdate() {}, onVoiceStateUpdate() {}, destroy() {} };
      adapters.set(id, guild(id).voiceAdapterCreator(ignored));
    }
    const sent = adapters.get(id).sendPayload({
      op: 4,
      d: { guild_id: id, channel_id: channel, self_mute: false, self_deaf: false },
    });
    assert.ok(sent, "the shard takes op 4");
  },
  voiceChannel: (id) => guild(id).members.me.voice.channelId,
};
client.on(Events.InteractionCreate, (interaction) => bot.answers && interaction.reply("aye").catch(fail));
client.login(token).catch(fail);
await rehearse({ selfPaced: true, bot });
