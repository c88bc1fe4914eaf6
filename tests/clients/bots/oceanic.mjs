// oceanic.js with its caches. What a restarted process knows of its sessions is put into its shards before they connect.
import { load, recorder, resumeUrl, settings } from "./recorder.mjs";

const { Client, ClientApplication, ExtendedUser } = load("oceanic.js");

const compress = { none: false, zlib: "zlib-stream", zstd: "zstd-stream" }[settings.transport];
const client = new Client({
  auth: `Bot ${settings.token}`,
  rest: { baseURL: `${settings.api}/v10` },
  gateway: {
    intents: settings.intents,
    maxShards: settings.shards,
    compress,
    // Node.js has both; the packages that oceanic.js would take before are compiled at installation.
    compressLibrary: compress ? "native" : undefined,
    reconnectDelay: () => 500,
  },
});
if (recorder.identity) {
  client._user = client.users.add(new ExtendedUser(recorder.identity.user, client));
  client._application = new ClientApplication(recorder.identity.application, client);
}
const connect = client.shards._connect.bind(client.shards);
client.shards._connect = (shard) => {
  const saved = recorder.saved.get(shard.id);
  recorder.saved.delete(shard.id);
  if (saved) {
    const resumeURL = resumeUrl(saved, compress);
    Object.assign(shard, { sessionID: saved.sessionId, sequence: saved.sequence, resumeURL });
  }
  return connect(shard);
};
client.on("packet", (payload, shard) => recorder.dispatch(shard, payload));
client.on("ready", () => recorder.ready());
client.on("shardResume", (shard) => recorder.resumed(shard));
client.on("shardDisconnect", (error, shard) => recorder.closed(shard, error?.code));
client.on("warn", (text, shard) => /Session Invalidated/.test(text) && recorder.invalid(shard, /attempting to resume/.test(text)));
client.on("guildCreate", (guild) => recorder.joined(guild.id));
client.on("guildDelete", (guild) => recorder.left(guild.id));
client.on("guildUnavailable", (guild) => recorder.unavailable(guild.id));
client.on("error", (error) => [1006, 4000, "ECONNRESET"].includes(error.code) || recorder.failed(error));

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
