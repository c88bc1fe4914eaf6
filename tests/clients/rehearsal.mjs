// What every client has to go through with the simulator: guilds, events, lost connections that are resumed, a session that is
// lost. The client's own script connects it and hands each dispatch to `seen`.   node CLIENT.mjs ORIGIN TOKEN TRANSPORT
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Witness } from "./witness.mjs";

const [origin, token, transport] = process.argv.slice(2);
const DEADLINE_MS = 40_000;
const POLL_MS = 10;
const IDENTIFY_SPACING_MS = 5_000; // Discord: one IDENTIFY per key in 5 s
const SHARDS = 2;
const EVENTS = 300; // dispatches per shard that count as "events arrive"

export { origin, token, transport };
export const restBase = `${origin}/api`;
export const shardCount = SHARDS;
/** Every intent that the simulator knows, but GUILD_PRESENCES: its events are many and alike. */
export const intents = 53608447 & ~(1 << 8);
export const seen = new Witness(SHARDS);

/** The named package, from the folder where scripts/setup-clients put it. */
export function load(name) {
  return createRequire(`${process.env.SHARDYARD_CLIENTS}/`)(name);
}

export function fail(error) {
  console.error(error);
  console.error(String(seen));
  process.exit(1);
}

process.on("unhandledRejection", fail);
process.on("uncaughtException", fail);

async function control(path, body) {
  const answer = await fetch(`${origin}${path}`, body && { method: "POST", body: JSON.stringify(body) });
  const value = await answer.json();
  assert.equal(answer.status, 200, `${path}: ${JSON.stringify(value)}`);
  return value;
}

/** Waits until `holds()` does; a complaint of the witness ends it at once. */
async function until(what, holds) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    assert.deepEqual(seen.complaints, [], `while waiting for: ${what}`);
    if (await holds()) return;
    assert.ok(Date.now() < deadline, `not within ${DEADLINE_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function allGuildsAreSeen() {
  const expected = seen.shards.map(() => new Set());
  for (const { id } of await control("/guilds")) expected[seen.shardOf(id)].add(id);
  await until("a GUILD_CREATE of each guild", () => seen.shards.every((shard, id) => shard.guilds.size === expected[id].size));
  seen.shards.forEach((shard, id) => assert.deepEqual(shard.guilds, expected[id]));
}

async function eventsArrive() {
  const before = seen.each("dispatches");
  await until(`${EVENTS} more dispatches on each shard`, () =>
    seen.shards.every((shard, id) => shard.dispatches >= before[id] + EVENTS),
  );
}

async function liveSessions() {
  const sessions = (await control("/sessions")).filter((session) => session.state === "live");
  return sessions.sort((a, b) => a.shard[0] - b.shard[0]);
}

async function hits(fault) {
  assert.equal((await control("/fault", fault)).hit, SHARDS, `sessions hit by ${fault.kind}`);
}

/** After the fault both shards come back to their sessions and get what happened in the meantime. */
async function isResumed(fault) {
  const before = { session: seen.each("session"), resumed: seen.each("resumed") };
  await hits(fault);
  await control("/world", { emit: 200 });
  await until(`RESUMED after ${fault.kind}`, () => seen.shards.every((shard, id) => shard.resumed === before.resumed[id] + 1));
  await eventsArrive();
  assert.deepEqual(seen.each("session"), before.session, `sessions after ${fault.kind}`);
}

async function isIdentifiedAnew(spacedUntil) {
  const before = { session: seen.each("session"), sessions: seen.each("sessions"), resumed: seen.each("resumed") };
  await until("the next IDENTIFY is allowed", () => Date.now() >= spacedUntil);
  await hits({ kind: "invalid_session", resumable: false });
  await until("READY of new sessions", () => seen.shards.every((shard, id) => shard.sessions === before.sessions[id] + 1));
  await allGuildsAreSeen();
  await eventsArrive();
  assert.deepEqual(seen.each("resumed"), before.resumed);
  seen.shards.forEach((shard, id) => assert.notEqual(shard.session, before.session[id]));
}

/** With the world at rest, the client stands where the simulator stands. */
async function nothingIsMissing() {
  await control("/world", { rate: 0 });
  await until("the simulator has sent everything", async () => {
    const { in_flight, unwritten_bytes } = await control("/stats");
    return in_flight === 0 && unwritten_bytes === 0;
  });
  const sent = await liveSessions();
  assert.deepEqual(sent.map((session) => [session.shard, session.id]), seen.each("session").map((id, n) => [[n, SHARDS], id]));
  await until("the last dispatch of each shard", () => seen.shards.every((shard, id) => shard.last === sent[id].s));
}

/**
 * To be called once the client connects. `selfPaced`: the client keeps 5 s between IDENTIFYs by itself, also after op 9;
 * for the others op 9 is held back so long, since Discord would punish their haste too. Ends the process.
 */
export async function rehearse({ selfPaced }) {
  await until("READY on each shard", () => seen.shards.every((shard) => shard.session));
  const spacedUntil = selfPaced ? 0 : Date.now() + IDENTIFY_SPACING_MS;
  await allGuildsAreSeen();
  await eventsArrive();
  await isResumed({ kind: "reconnect" });
  await isResumed({ kind: "close", code: 4000 });
  await isResumed({ kind: "reset" });
  assert.deepEqual(seen.each("sessions"), [1, 1]);
  await control("/fault", { kind: "unknown_event" });
  await until("an event of unknown name", () => seen.shards[0].names.has("GUILD_LANTERN_UPDATE"));
  await isIdentifiedAnew(spacedUntil);
  await nothingIsMissing();
  assert.deepEqual(await control("/violations"), []);
  const { identifies_used } = await control("/stats");
  assert.equal(identifies_used, 2 * SHARDS);
  console.log(`${transport}:\n${seen}\n${new Set(seen.shards.flatMap((shard) => [...shard.names])).size} kinds of events`);
  process.exit(0);
}
