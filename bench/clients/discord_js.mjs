// discord.js with its caches, as bots run it. It takes zlib-stream by itself, as zlib-sync is installed.
import { createRequire } from "node:module";
import { base, count, fail } from "./stream_figures.mjs";

const require = createRequire(`${process.cwd()}/`);
const { Client } = require("discord.js");

const client = new Client({ intents: 53608447, shards: [0], shardCount: 1, rest: { api: base } });
client.on("raw", (message) => count(message.t, message.d));
client.on("error", fail);
client.login("bench").catch(fail);
