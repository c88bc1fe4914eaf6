// What a client was told, per shard, checked while it comes in: sequence numbers without gap, each session beginning with
// READY, guilds on the shard that they belong to. Complaints are kept, because a client may swallow what its listeners throw.

const SHARD_KEY_SHIFT = 22n; // Discord: shard = (guild_id >> 22) % num_shards
const ID_IS_GUILD = new Set(["GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"]);

export class Witness {
  /**
   * `overlapping`: the client may hand on the last dispatches of a closed connection when they are being replayed on the next
   * one. Then a dispatch may come again, if it is the same to the letter.
   */
  constructor(shardCount, { overlapping = false } = {}) {
    this.overlapping = overlapping;
    this.complaints = [];
    this.shards = Array.from({ length: shardCount }, () => ({
      last: null,
      session: null,
      sessions: 0,
      resumed: 0,
      dispatches: 0,
      guilds: new Set(),
      names: new Set(),
      repeated: 0,
      texts: [],
    }));
  }

  /** A dispatch as Discord sends it, and the shard that got it. */
  dispatch(id, { t, s, d }) {
    const shard = this.shards[id];
    if (!shard) return this.#complain(`${t} on shard ${id}, which nobody started`);
    if (t === "READY") this.#begin(shard, id, s, d);
    else if (shard.last === null) this.#complain(`shard ${id}: ${t} before READY`);
    else if (this.#repeats(shard, t, s, d)) return;
    else if (s !== shard.last + 1) this.#complain(`shard ${id}: ${t} has s ${s} after ${shard.last}`);
    if (this.overlapping) shard.texts[s] = JSON.stringify([t, d]);
    shard.last = s;
    shard.dispatches += 1;
    shard.names.add(t);
    if (t === "RESUMED") shard.resumed += 1;
    if (t === "GUILD_CREATE") shard.guilds.add(d.id);
    if (t === "GUILD_DELETE") shard.guilds.delete(d.id);
    const guild = ID_IS_GUILD.has(t) ? d.id : d.guild_id;
    if (guild && this.shardOf(guild) !== id) this.#complain(`shard ${id}: ${t} of guild ${guild}, which is not its own`);
  }

  shardOf(guild) {
    return Number((BigInt(guild) >> SHARD_KEY_SHIFT) % BigInt(this.shards.length));
  }

  /** The value of `key` on each shard, as it is now. */
  each(key) {
    return this.shards.map((shard) => shard[key]);
  }

  toString() {
    const lines = this.shards.map(
      (shard, id) =>
        `shard ${id}: session ${shard.session} (number ${shard.sessions}), s ${shard.last}, ${shard.resumed} times resumed, ` +
        `${shard.guilds.size} guilds, ${shard.dispatches} dispatches, ${shard.repeated} repeated`,
    );
    return lines.join("\n");
  }

  #repeats(shard, t, s, d) {
    const again = this.overlapping && s <= shard.last && shard.texts[s] === JSON.stringify([t, d]);
    if (again) shard.repeated += 1;
    return again;
  }

  #begin(shard, id, s, d) {
    if (s !== 1) this.#complain(`shard ${id}: READY has s ${s}`);
    if (d.session_id === shard.session) this.#complain(`shard ${id}: READY again for the same session`);
    if (d.shard?.[0] !== id || d.shard?.[1] !== this.shards.length) this.#complain(`shard ${id}: READY for ${d.shard}`);
    shard.session = d.session_id;
    shard.sessions += 1;
    shard.guilds.clear();
    shard.texts.length = 0;
  }

  #complain(text) {
    if (this.complaints.length < 20) this.complaints.push(text);
  }
}
