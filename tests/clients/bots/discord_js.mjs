// discord.js with its caches, as bots run it. Its sessions live in its shards; a restarted process hands it those of the last one
// through the strategy that it builds. With `answers` it answers slash commands; told `voice GUILD CHANNEL` it joins (see voice.mjs).
import { load, recorder, settings } from "./recorder.mjs";
import { join } from "./voice.mjs";

const { Client, ClientApplication, ClientUser, Events, SimpleShardingStrategy } = load("discord.js");

const client = new Client({
  intents: settings.intents,
  shards: Array.from({ length: settings.shards }, (_, id) => id),
  shardCount: settings.shards,
  rest: { api: settings.api },
  ws: {
    buildStrategy(manager) {
      const own = manager.options.retrieveSessionInfo;
      manager.options.retrieveSessionInfo = (shardId) => {
        const saved = recorder.saved.get(shardId);
        recorder.saved.delete(shardId);
        if (saved) client.ws.shards.get(shardId).sessionInfo = { ...saved, shardId, shardCount: settings.shards };
        return own(shardId);
      };
      return new SimpleShardingStrategy(manager);
    },
  },
});
if (recorder.identity) {
  client.user = new ClientUser(client, recorder.identity.user);
  client.application = new ClientApplication(client, recorder.identity.application);
}
client.on(Events.Raw, (payload, shard) => recorder.dispatch(shard, payload));
client.on(Events.ClientReady, () => recorder.ready());
client.on(Events.ShardResume, (shard) => recorder.resumed(shard));
client.on(Events.ShardDisconnect, ({ code }, shard) => recorder.closed(shard, code));
client.on(Events.ShardReconnecting, (shard) => recorder.closed(shard));
client.on(Events.GuildCreate, (guild) => recorder.joined(guild.id));
client.on(Events.GuildDelete, (guild) => recorder.left(guild.id));
client.on(Events.GuildUnavailable, (guild) => recorder.unavailable(guild.id));
client.on(Events.Error, (error) => recorder.failed(error));
client.on(Events.ShardError, (error) => recorder.failed(error));

const pairs = (collection) => [...collection.values()].map(({ id, name }) => [id, name]);
recorder.cacheIs(() =>
  [...client.guilds.cache.values()].map((guild) => ({
    id: guild.id,
    name: guild.name,
    channels: pairs(guild.channels.cache.filter((channel) => !channel.isThread())),
    threads: pairs(guild.channels.cache.filter((channel) => channel.isThread())),
    roles: pairs(guild.roles.cache),
    members: guild.memberCount,
  })),
);
if (settings.answers) {
  client.on(Events.InteractionCreate, (interaction) => {
    recorder.write({ e: "command", id: interaction.id });
    interaction.reply("aye").catch((error) => recorder.failed(error));
  });
}
recorder.on("voice", (guild, channel) => join(client, guild, channel));
await client.login(settings.token);
