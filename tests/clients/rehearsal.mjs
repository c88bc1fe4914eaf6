// What every client has to go through with the simulator: guilds, events, lost connections that are resumed, a session that is
// lost; and for clients that are more than a connection what bots do: members, voice, slash commands. The client's own script connects it and hands each dispatch to `seen`.   node CLIENT.mjs ORIGIN TOKEN TRANSPORT
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Witness } from "./witness.mjs";

const [origin, token, transport] = process.argv.slice(2);
const DEADLINE_MS = 40_000;
const POLL_MS = 10;
const IDENTIFY_SPACING_MS = 5_000; // Discord: one IDENTIFY per key in 5 s
const SHARDS = 2;
const EVENT_RATE = 500; // as run.py starts the simulator
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

/** With nothing on its way, the client's caches can be compared with the world. */
async function worldIsAtRest() {
  await control("/world", { rate: 0 });
  await until("the simulator has sent everything", async () => {
    const { in_flight, unwritten_bytes } = await control("/stats");
    return in_flight === 0 && unwritten_bytes === 0;
  });
}

/** The guild with the most members, as GUILD_CREATE would show it now. */
async function greatestGuild() {
  const [{ id }] = (await control("/guilds")).sort((a, b) => b.members - a.members);
  return control(`/world?guild=${id}`);
}

const botVoice = async (guild, user) =>
  (await control(`/world?guild=${guild}`)).voice_states.find((state) => state.user_id === user);

async function membersAreRequested(bot, guild) {
  const members = await bot.requestMembers(guild.id);
  assert.equal(new Set(members).size, guild.member_count, "members of the guild");
  for (const { user } of guild.members) assert.ok(members.includes(user.id), `member ${user.id}`);
}

/** The bot joins voice, sees itself there, and gets the voice server. */
async function voiceIsJoined(bot, guild) {
  const [room, next] = guild.channels.filter(({ type }) => type === 2).map(({ id }) => id);
  for (const channel of [room, next, null, room]) {
    bot.setVoice(guild.id, channel);
    await until(`the bot's voice state in ${channel}`, () => (bot.voiceChannel(guild.id) ?? null) === channel);
  }
  const state = await botVoice(guild.id, bot.user());
  assert.equal(state.session_id, seen.shards[seen.shardOf(guild.id)].session);
  await until("the voice server", () => seen.shards[seen.shardOf(guild.id)].names.has("VOICE_SERVER_UPDATE"));
}

/** Slash commands are answered once each, in time. */
async function commandsAreAnswered(bot) {
  const before = (await control("/stats")).interactions;
  bot.answers = true;
  await control("/world", { interactions: 20 });
  await until("10 answered commands", async () => (await control("/stats")).interactions.answered >= before.answered + 10);
  await control("/world", { interactions: 0 });
  await until("an answer to each command", async () => {
    const { happened, answered } = (await control("/stats")).interactions;
    return happened - answered === before.happened - before.answered;
  });
  bot.answers = false;
  const { answered_again: again, answered_late: late } = (await control("/stats")).interactions;
  assert.deepEqual([again, late], [0, 0]);
}

/** With the world at rest, the client stands where the simulator stands. */
async function nothingIsMissing() {
  await worldIsAtRest();
  const sent = await liveSessions();
  assert.deepEqual(sent.map((session) => [session.shard, session.id]), seen.each("session").map((id, n) => [[n, SHARDS], id]));
  await until("the last dispatch of each shard", () => seen.shards.every((shard, id) => shard.last === sent[id].s));
}

/**
 * To be called once the client connects. `selfPaced`: the client keeps 5 s between IDENTIFYs by itself, also after op 9;
 * for the others op 9 is held back so long, since Discord would punish their haste too. `bot`: what the client can do beyond
 * its connection: user() -> id, requestMembers(guild) -> ids, setVoice(guild, channel or null), voiceChannel(guild) as its cache
 * has it; while `answers` is set it answers slash commands. Ends the process.
 */
export async function rehearse({ selfPaced, bot }) {
  await until("READY on each shard", () => seen.shards.every((shard) => shard.session));
  const spacedUntil = selfPaced ? 0 : Date.now() + IDENTIFY_SPACING_MS;
  await allGuildsAreSeen();
  await eventsArrive();
  let guild;
  if (bot) {
    await worldIsAtRest();
    guild = await greatestGuild();
    await membersAreRequested(bot, guild);
    await voiceIsJoined(bot, guild);
    await commandsAreAnswered(bot);
    await control("/world", { rate: EVENT_RATE });
  }
  await isResumed({ kind: "reconnect" });
  await isResumed({ kind: "close", code: 4000 });
  await isResumed({ kind: "reset" });
  assert.deepEqual(seen.each("sessions"), [1, 1]);
  if (bot) assert.ok(await botVoice(guild.id, bot.user()), "voice outlives resumed connections");
  await control("/fault", { kind: "unknown_event" });
  await until("an event of unknown name", () => seen.shards[0].names.has("GUILD_LANTERN_UPDATE"));
  await isIdentifiedAnew(spacedUntil);
  if (bot) assert.equal(await botVoice(guild.id, bot.user()), undefined, "voice ends with its session");
  await nothingIsMissing();
  assert.deepEqual(await control("/violations"), []);
  const { identifies_used } = await control("/stats");
  assert.equal(identifies_used, 2 * SHARDS);
  console.log(`${transport}:\n${seen}\n${new Set(seen.shards.flatMap((shard) => [...shard.names])).size} kinds of events`);
  process.exit(0);
}
