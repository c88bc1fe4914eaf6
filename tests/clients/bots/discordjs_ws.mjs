// @discordjs/ws alone: a connection without caches, which asks its owner where to keep its sessions.
import { load, recorder, settings } from "./recorder.mjs";

const { CompressionMethod, WebSocketManager, WebSocketShardEvents } = load("@discordjs/ws");
const { REST } = load("@discordjs/rest");

const sessions = new Map(
  [...recorder.saved].map(([shardId, session]) => [shardId, { ...session, shardId, shardCount: settings.shards }]),
);
const manager = new WebSocketManager({
  token: settings.token,
  intents: settings.intents,
  shardCount: settings.shards,
  compression: { none: null, zlib: CompressionMethod.ZlibNative }[settings.transport],
  rest: new REST({ api: settings.api, version: "10" }).setToken(settings.token),
  retrieveSessionInfo: (shardId) => sessions.get(shardId) ?? null,
  updateSessionInfo: (shardId, session) => (session ? sessions.set(shardId, session) : sessions.delete(shardId)),
});
manager.on(WebSocketShardEvents.Dispatch, (payload, shard) => recorder.dispatch(shard, payload));
manager.on(WebSocketShardEvents.Resumed, (shard) => recorder.resumed(shard));
manager.on(WebSocketShardEvents.Closed, (code, shard) => recorder.closed(shard, code));
manager.on(WebSocketShardEvents.Error, (error) => recorder.failed(error));
await manager.connect();
recorder.ready();
