// eris. Its REST part has no option for the port and knows HTTPS only; the agent says otherwise.
import { Agent } from "node:http";
import { fail, intents, load, origin, rehearse, seen, shardCount, token, transport } from "./rehearsal.mjs";

const Eris = load("eris");

const { hostname, port } = new URL(origin);
const agent = Object.assign(new Agent(), { defaultPort: Number(port), protocol: "https:" });
const client = new Eris(`Bot ${token}`, {
  intents,
  maxShards: shardCount,
  compress: transport === "zlib",
  rest: { domain: hostname, agent },
});
// To eris a lost connection is an error, from which it recovers.
client.on("error", (error) => [1006, 4000, "ECONNRESET"].includes(error.code) || fail(error));
client.on("rawWS", (payload, shard) => payload.op === 0 && seen.dispatch(shard, payload));
client.connect().catch(fail);

const guild = (id) => client.guilds.get(id);
const bot = {
  answers: false,
  user: () => client.user.id,
  requestMembers: async (id) => (await guild(id).fetchMembers()).map((member) => member.id),
  setVoice: (id, channel) =>
    guild(id).shard.sendWS(4, { guild_id: id, channel_id: channel, self_mute: false, self_deaf: false }),
  voiceChannel: (id) => guild(id).members.get(client.user.id)?.voiceState?.channelID,
};
client.on("interactionCreate", (interaction) => bot.answers && interaction.createMessage("aye").catch(fail));
await rehearse({ selfPaced: false, bot });
