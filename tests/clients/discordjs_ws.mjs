// @discordjs/ws: the gateway part of discord.js, used alone. It has no zstd-stream.
import { fail, intents, load, rehearse, restBase, seen, shardCount, token, transport } from "./rehearsal.mjs";

const { CompressionMethod, WebSocketManager, WebSocketShardEvents } = load("@discordjs/ws");
const { REST } = load("@discordjs/rest");

const rest = new REST({ api: restBase, version: "10" }).setToken(token);
const manager = new WebSocketManager({
  token,
  intents,
  shardCount,
  compression: { none: null, zlib: CompressionMethod.ZlibNative }[transport],
  rest,
});
manager.on(WebSocketShardEvents.Dispatch, (payload, shard) => seen.dispatch(shard, payload));
manager.on(WebSocketShardEvents.Error, fail);
manager.connect().catch(fail);
await rehearse({ selfPaced: true });
