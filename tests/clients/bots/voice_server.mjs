// A voice server for the calls of the tests: the handshake of Discord's voice gateway (version 8) and its UDP side, which counts what
// it hears. One JSON line per thing on standard output.   node voice_server.mjs PORT CERTIFICATE KEY
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(`${process.env.SHARDYARD_CLIENTS}/`)("ws");

const [port, cert, key] = process.argv.slice(2);
const HEARTBEAT_MS = 5_000;
const MODE = "aead_aes256_gcm_rtpsize";
const DISCOVERY_BYTES = 74;
const RTP_VERSION_2 = 0x80;
const REPORTED_EACH = 25; // packets: half a second of sound

const tell = (line) => console.log(JSON.stringify({ at: Date.now(), ...line }));
const calls = new Map(); // by ssrc
let ssrc = 1;

const udp = createSocket("udp4");
udp.on("message", (packet, from) => {
  if (packet.length === DISCOVERY_BYTES && packet.readUInt16BE(0) === 1) {
    const answer = Buffer.alloc(DISCOVERY_BYTES);
    answer.writeUInt16BE(2, 0);
    answer.writeUInt16BE(DISCOVERY_BYTES - 4, 2);
    packet.copy(answer, 4, 4, 8);
    answer.write(from.address, 8);
    answer.writeUInt16BE(from.port, DISCOVERY_BYTES - 2);
    udp.send(answer, from.port, from.address);
  } else if (packet.length > 12 && packet[0] >= RTP_VERSION_2) {
    const call = calls.get(packet.readUInt32BE(8));
    if (call && ++call.heard % REPORTED_EACH === 0) tell({ e: "heard", session: call.session, packets: call.heard });
  }
});

const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
new WebSocketServer({ server }).on("connection", (socket) => {
  const call = { ssrc: ssrc++, heard: 0, session: null };
  calls.set(call.ssrc, call);
  const send = (op, d) => socket.send(JSON.stringify({ op, d }));
  send(8, { heartbeat_interval: HEARTBEAT_MS });
  socket.on("message", (text) => {
    const { op, d } = JSON.parse(text);
    if (op === 0) {
      call.session = d.session_id;
      tell({ e: "identify", guild: d.server_id, user: d.user_id, session: d.session_id, token: d.token });
      send(2, { ssrc: call.ssrc, ip: "127.0.0.1", port: udp.address().port, modes: [MODE] });
    } else if (op === 1) {
      send(4, { mode: MODE, secret_key: Array(32).fill(7), dave_protocol_version: 0 });
    } else if (op === 3) {
      send(6, { t: d.t });
    } else if (op === 7) {
      send(9, null);
    }
  });
  socket.on("close", (code) => tell({ e: "closed", session: call.session, code }));
});
udp.bind(0, "127.0.0.1", () => server.listen(Number(port), "127.0.0.1", () => tell({ e: "listens" })));
