// @discordeno/gateway: a connection without caches. A restarted process makes its shards itself and lets them resume. With
// zstd-stream the library loses HELLO and so never beats: the bot begins to, and its world must have small guilds only, since the
// library takes each zstd block (128 KiB) for a message.
import { gatewayBot, load, recorder, settings } from "./recorder.mjs";

const { createGatewayManager, DiscordenoShard } = load("@discordeno/gateway");

const HEARTBEAT_MS = 20_000;
const transportCompression = { none: null, zlib: "zlib-stream", zstd: "zstd-stream" }[settings.transport];
const logger = { debug() {}, info() {}, warn: console.warn, error: console.error, fatal: (text) => recorder.failed(text) };
const beats = (shard) => shard.heart.intervalId || transportCompression !== "zstd-stream" || shard.startHeartbeating(HEARTBEAT_MS);
const ready = new Set();
const events = {
  message(shard, payload) {
    if (payload.op !== 0) return;
    recorder.dispatch(shard.id, payload);
    if (payload.t === "RESUMED") recorder.resumed(shard.id);
    if (payload.t === "READY" || payload.t === "RESUMED") beats(shard);
    if (payload.t === "READY" && ready.add(shard.id).size === settings.shards) recorder.ready();
  },
  disconnected: (shard) => recorder.closed(shard.id),
  invalidSession: (shard, resumable) => recorder.invalid(shard.id, resumable),
};
const answer = await gatewayBot();
const limit = answer.session_start_limit;
const manager = createGatewayManager({
  token: settings.token,
  intents: settings.intents,
  totalShards: settings.shards,
  connection: {
    url: answer.url,
    shards: answer.shards,
    sessionStartLimit: {
      total: limit.total,
      remaining: limit.remaining,
      resetAfter: limit.reset_after,
      maxConcurrency: limit.max_concurrency,
    },
  },
  transportCompression,
  preferSnakeCase: true,
  logger,
  resharding: { enabled: false },
  events,
});

/** A shard as the manager would make it, which knows its session. */
function restored(id, saved) {
  const { intents, properties, totalShards, url, version, token } = manager;
  const shard = new DiscordenoShard({
    id,
    connection: { compress: false, transportCompression, intents, properties, token, totalShards, url, version },
    events,
    logger,
    requestIdentify: () => shard.identify(),
  });
  shard.forwardToBot = (payload) => shard.events.message(shard, payload);
  Object.assign(shard, {
    sessionId: saved.sessionId,
    previousSequenceNumber: saved.sequence,
    resumeGatewayUrl: saved.resumeURL,
  });
  return shard;
}

if (recorder.saved.size === settings.shards) {
  for (const [id, saved] of recorder.saved) manager.shards.set(id, restored(id, saved));
  await Promise.all([...manager.shards.values()].map((shard) => shard.resume()));
} else {
  await manager.spawnShards();
}
