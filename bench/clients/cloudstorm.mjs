// cloudstorm: a small gateway client with a WebSocket of its own.
import { createRequire } from "node:module";
import { compress, count, fail, port } from "./stream_figures.mjs";

const require = createRequire(`${process.cwd()}/`);
const { Client } = require("cloudstorm");
const { SnowTransfer } = require("snowtransfer");

if (compress !== "zlib" && compress !== "none") fail(`no transport ${compress}`);
const client = new Client("bench", {
  intents: 53608447,
  shards: [0],
  totalShards: 1,
  snowtransferInstance: new SnowTransfer("bench", { baseHost: `https://127.0.0.1:${port}` }),
  ws: { compress: compress === "zlib", encoding: "json", connectThrottle: 0 },
});
client.on("dispatch", (message) => count(message.t, message.d));
client.on("error", fail);
client.connect().catch(fail);
