// eris. Its REST part has no option for the port and knows HTTPS only; the agent says otherwise.
import { Agent } from "node:http";
import { fail, intents, load, origin, rehearse, seen, shardCount, token, transport } from "./rehearsal.mjs";

const Eris = load("eris");

const { hostname, port } = new URL(origin);
const agent = Object.assign(new Agent(), { defaultPort: Number(port), protocol: "https:" });
const bot = new Eris(`Bot ${token}`, {
  intents,
  maxShards: shardCount,
  compress: transport === "zlib",
  rest: { domain: hostname, agent },
});
// To eris a lost connection is an error, from which it recovers.
bot.on("error", (error) => [1006, 4000, "ECONNRESET"].includes(error.code) || fail(error));
bot.on("rawWS", (payload, shard) => payload.op === 0 && seen.dispatch(shard, payload));
bot.connect().catch(fail);
await rehearse({ selfPaced: false });
