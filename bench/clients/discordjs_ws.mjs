// @discordjs/ws: the gateway part of discord.js alone.
import { createRequire } from "node:module";
import { base, compress, count, fail } from "./stream_figures.mjs";

const require = createRequire(`${process.cwd()}/`);
const { CompressionMethod, WebSocketManager, WebSocketShardEvents } = require("@discordjs/ws");
const { REST } = require("@discordjs/rest");

// Version 2.0 knows no zstd-stream; of its two zlib ways the synchronous one takes less CPU.
const methods = { none: null, zlib: CompressionMethod.ZlibSync, "zlib-native": CompressionMethod.ZlibNative };
if (!(compress in methods)) fail(`no transport ${compress}`);
const rest = new REST({ api: base, version: "10" }).setToken("bench");
const manager = new WebSocketManager({
  token: "bench",
  intents: 53608447,
  rest,
  compression: methods[compress],
  shardCount: 1,
});
manager.on(WebSocketShardEvents.Dispatch, (payload) => count((payload.data ?? payload).t, (payload.data ?? payload).d));
manager.on(WebSocketShardEvents.Error, fail);
manager.connect().catch(fail);
