// cloudstorm: a connection without caches and with a WebSocket of its own. What a restarted process knows of its sessions is put
// into its connectors before they connect. Where HELLO is read together with the answer to the upgrade, cloudstorm loses it, and
// connects again after ten seconds, again and again where the machine is busy: so it is given back to the socket.
import { ClientRequest } from "node:http";
import { load, origin, recorder, resumeUrl, settings } from "./recorder.mjs";

const { Client } = load("cloudstorm");
const { SnowTransfer } = load("snowtransfer");

const { emit } = ClientRequest.prototype;
ClientRequest.prototype.emit = function (event, ...rest) {
  const [, socket, head] = rest;
  if (event === "upgrade" && head.length > 0) socket.unshift(head);
  return emit.call(this, event, ...rest);
};

const compress = settings.transport === "zlib";
const client = new Client(settings.token, {
  intents: settings.intents,
  shards: Array.from({ length: settings.shards }, (_, id) => id),
  totalShards: settings.shards,
  snowtransferInstance: new SnowTransfer(settings.token, { baseHost: origin }),
  ws: { compress, encoding: "json", connectThrottle: 500 },
});
const addListener = client.shardManager._addListener.bind(client.shardManager);
client.shardManager._addListener = (shard) => {
  const saved = recorder.saved.get(shard.id);
  recorder.saved.delete(shard.id);
  if (saved) {
    const resumeAddress = resumeUrl(saved, compress && "zlib-stream");
    Object.assign(shard.connector, { sessionId: saved.sessionId, seq: saved.sequence, resumeAddress });
    shard.connector.betterWs.address = resumeAddress;
  }
  shard.on("disconnect", (code) => recorder.closed(shard.id, code));
  shard.on("ready", (resumed) => resumed && recorder.resumed(shard.id));
  addListener(shard);
};
client.on("event", (message) => message.op === 9 && recorder.invalid(message.shard_id, message.d));
client.on("dispatch", (message) => recorder.dispatch(message.shard_id, message));
client.on("ready", () => recorder.ready());
client.on("error", (error) => /Rate limited|ECONNRESET/.test(error.message) || recorder.failed(error));
await client.connect();
