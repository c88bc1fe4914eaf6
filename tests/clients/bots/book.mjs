// The guilds as the raw events tell them, for libraries that keep no cache, and beside those that do. Channels, threads and roles
// by id and name, and the number of members at the last GUILD_CREATE while no member has come or gone since.
import { crc32 } from "node:zlib";

/** [id, name] pairs in no order, as their number and a checksum. */
export function fingerprint(pairs) {
  return [pairs.length, crc32(pairs.map(([id, name]) => `${id}=${name}`).sort().join("\n"))];
}

const named = (list) => new Map((list ?? []).map(({ id, name }) => [id, name]));

export class Book {
  #guilds = new Map();

  take(t, d) {
    if (t === "GUILD_CREATE") return this.#create(d);
    if (t === "GUILD_DELETE") return void this.#guilds.delete(d.id);
    const guild = this.#guilds.get(t === "GUILD_UPDATE" ? d.id : d.guild_id);
    if (!guild) return;
    if (t === "GUILD_UPDATE") Object.assign(guild, { name: d.name, roles: d.roles ? named(d.roles) : guild.roles });
    else if (t === "CHANNEL_CREATE" || t === "CHANNEL_UPDATE") guild.channels.set(d.id, d.name);
    else if (t === "CHANNEL_DELETE") this.#channelGone(guild, d.id);
    else if (t === "THREAD_CREATE" || t === "THREAD_UPDATE") this.#thread(guild, d);
    else if (t === "THREAD_DELETE") guild.threads.delete(d.id);
    else if (t === "GUILD_ROLE_CREATE" || t === "GUILD_ROLE_UPDATE") guild.roles.set(d.role.id, d.role.name);
    else if (t === "GUILD_ROLE_DELETE") guild.roles.delete(d.role_id);
    else if (t === "GUILD_MEMBER_ADD" || t === "GUILD_MEMBER_REMOVE") guild.members = null;
  }

  guilds() {
    return Object.fromEntries(
      [...this.#guilds].map(([id, { name, channels, threads, roles, members }]) => [
        id,
        { name, channels: fingerprint([...channels]), threads: fingerprint([...threads.keys()].map((each) => [each, threads.get(each).name])),
          roles: fingerprint([...roles]), members },
      ]),
    );
  }

  #create(d) {
    if (d.unavailable) return;
    this.#guilds.set(d.id, {
      name: d.name,
      channels: named(d.channels),
      threads: new Map((d.threads ?? []).map((each) => [each.id, { name: each.name, parent: each.parent_id }])),
      roles: named(d.roles),
      members: d.member_count,
    });
  }

  #thread(guild, d) {
    if (d.thread_metadata?.archived) guild.threads.delete(d.id);
    else guild.threads.set(d.id, { name: d.name, parent: d.parent_id });
  }

  // Discord tells nothing of the threads of a channel that was deleted.
  #channelGone(guild, id) {
    guild.channels.delete(id);
    for (const [thread, { parent }] of guild.threads) if (parent === id) guild.threads.delete(thread);
  }
}
