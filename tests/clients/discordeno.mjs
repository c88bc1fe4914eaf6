// @discordeno/gateway. It inflates zlib asynchronously, so that dispatches of a closed connection may follow its RESUME. With
// zstd-stream it loses HELLO and takes each block for a message: run.py gives it a world of small guilds then.
import { fail, intents, load, rehearse, restBase, seen, shardCount, token, transport } from "./rehearsal.mjs";

const { createGatewayManager } = load("@discordeno/gateway");

seen.overlapping = transport === "zlib";
const answer = await fetch(`${restBase}/v10/gateway/bot`, {
  headers: { authorization: `Bot ${token}`, "user-agent": "DiscordBot (https://example.org, 1)" },
});
const { url, shards, session_start_limit: limit } = await answer.json();
const manager = createGatewayManager({
  token,
  intents,
  totalShards: shardCount,
  connection: {
    url,
    shards,
    sessionStartLimit: {
      total: limit.total,
      remaining: limit.remaining,
      resetAfter: limit.reset_after,
      maxConcurrency: limit.max_concurrency,
    },
  },
  transportCompression: { none: null, zlib: "zlib-stream", zstd: "zstd-stream" }[transport],
  preferSnakeCase: true,
  logger: { debug() {}, info() {}, warn: console.warn, error: console.error, fatal: fail },
  resharding: { enabled: false },
  events: { message: (shard, payload) => payload.op === 0 && seen.dispatch(shard.id, payload) },
});
manager.spawnShards().catch(fail);
await rehearse({ selfPaced: false });
