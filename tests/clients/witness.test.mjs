// The checks of the client tests must be able to fail.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Witness } from "./witness.mjs";

const onShard0 = String(2n << 22n);
const onShard1 = String(3n << 22n);
const ready = (id, session) => ({ t: "READY", s: 1, d: { session_id: session, shard: [id, 2] } });
const typing = (s, guild = onShard0) => ({ t: "TYPING_START", s, d: { guild_id: guild } });

function witnessOf(...dispatches) {
  const seen = new Witness(2);
  for (const one of [ready(0, "a"), ...dispatches]) seen.dispatch(0, one);
  return seen;
}

test("an unbroken stream draws no complaint", () => {
  const seen = witnessOf(typing(2), { t: "RESUMED", s: 3, d: {} }, typing(4), ready(0, "b"), typing(2));
  assert.deepEqual(seen.complaints, []);
  assert.deepEqual(seen.each("resumed"), [1, 0]);
  assert.deepEqual(seen.each("sessions"), [2, 0]);
});

test("a missing dispatch is found", () => assert.match(witnessOf(typing(2), typing(4)).complaints[0], /s 4 after 2/));

test("a dispatch that comes twice is found", () => assert.match(witnessOf(typing(2), typing(2)).complaints[0], /s 2 after 2/));

test("dispatches that changed places are found", () => assert.equal(witnessOf(typing(3), typing(2)).complaints.length, 2));

test("a guild of another shard is found", () => {
  assert.match(witnessOf(typing(2, onShard1)).complaints[0], /not its own/);
  assert.match(witnessOf({ t: "GUILD_CREATE", s: 2, d: { id: onShard1 } }).complaints[0], /not its own/);
});

test("a session that begins twice is found", () => assert.match(witnessOf(ready(0, "a")).complaints[0], /same session/));

test("a dispatch before READY is found", () => {
  const seen = new Witness(2);
  seen.dispatch(1, typing(2, onShard1));
  assert.match(seen.complaints[0], /before READY/);
});

test("guilds are counted anew in a new session", () => {
  const seen = witnessOf({ t: "GUILD_CREATE", s: 2, d: { id: onShard0 } });
  assert.equal(seen.shards[0].guilds.size, 1);
  seen.dispatch(0, ready(0, "b"));
  assert.equal(seen.shards[0].guilds.size, 0);
});

test("an overlap of connections may repeat dispatches, but not change them", () => {
  const seen = new Witness(2, { overlapping: true });
  for (const one of [ready(0, "a"), typing(2), typing(3), typing(2), typing(4)]) seen.dispatch(0, one);
  assert.deepEqual(seen.complaints, []);
  assert.equal(seen.shards[0].repeated, 1);
  seen.dispatch(0, { t: "TYPING_START", s: 3, d: { guild_id: onShard0, user_id: "1" } });
  assert.match(seen.complaints[0], /s 3 after 4/);
});
