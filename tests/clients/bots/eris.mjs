// eris with its caches. Its REST part has no option for the port and knows HTTPS only; the agent says otherwise. What a restarted
// process knows of its sessions is put into its shards before they connect.
import { Agent } from "node:http";
import { load, origin, recorder, resumeUrl, settings } from "./recorder.mjs";

const Eris = load("eris");

const { hostname, port } = new URL(origin);
const compress = settings.transport === "zlib";
const client = new Eris(`Bot ${settings.token}`, {
  intents: settings.intents,
  maxShards: settings.shards,
  compress,
  rest: { domain: hostname, agent: Object.assign(new Agent(), { defaultPort: Number(port), protocol: "https:" }) },
});
if (recorder.identity) client.user = new Eris.ExtendedUser(recorder.identity.user, client);
const connect = client.shards.connect.bind(client.shards);
client.shards.connect = (shard) => {
  const saved = recorder.saved.get(shard.id);
  recorder.saved.delete(shard.id);
  if (saved) {
    const resumeURL = resumeUrl(saved, compress && "zlib-stream");
    Object.assign(shard, { sessionID: saved.sessionId, seq: saved.sequence, resumeURL });
  }
  return connect(shard);
};
client.on("rawWS", (payload, shard) => {
  if (payload.op === 0) recorder.dispatch(shard, payload);
  if (payload.op === 9) recorder.invalid(shard, payload.d);
});
client.on("ready", () => recorder.ready());
client.on("shardResume", (shard) => recorder.resumed(shard));
client.on("shardDisconnect", (error, shard) => recorder.closed(shard, error?.code));
client.on("guildCreate", (guild) => recorder.joined(guild.id));
client.on("guildDelete", (guild) => recorder.left(guild.id));
client.on("guildUnavailable", (guild) => recorder.unavailable(guild.id));
// To eris a lost connection is an error, from which it recovers. Without its caches, which a restarted process does not have, it
// fails on events of guilds and threads that it has not met, after they were handed to `rawWS`.
const expected = (error) =>
  [1006, 4000, "ECONNRESET"].includes(error.code) ||
  (recorder.identity && error instanceof TypeError && /eris.lib/.test(error.stack));
client.on("error", (error) => expected(error) || recorder.failed(error));

const pairs = (collection) => collection.map(({ id, name }) => [id, name]);
recorder.cacheIs(() =>
  client.guilds.map((guild) => ({
    id: guild.id,
    name: guild.name,
    channels: pairs(guild.channels),
    threads: pairs(guild.threads),
    roles: pairs(guild.roles),
    members: guild.memberCount,
  })),
);
await client.connect();
