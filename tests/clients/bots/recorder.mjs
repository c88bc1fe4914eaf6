// What a bot sees, one JSON line per thing, appended to a file that outlives the process. A bot that starts again reads where it
// was from that file, so that it can be killed at any moment: a line that stands there was seen, anything else was not.
// `node CLIENT.mjs SETTINGS` with SETTINGS as JSON: {api, token, shards, transport, intents, lines}. Standard input takes commands, a
// word and its arguments per line: `cache` asks for what the bot holds now, others are the client's own.
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { crc32 } from "node:zlib";
import { Book, fingerprint } from "./book.mjs";

export const settings = JSON.parse(process.argv[2]);
// @discordjs/ws now and then connects twice after a close and notices; the first connection lives, and what it brings is judged.
const harmless = (error) => error?.message === "Tried to connect a shard that wasn't idle";
const REPLIES = new Set(["READY", "RESUMED"]);

/** The named package, from the folder where scripts/setup-clients put it. */
export function load(name) {
  return createRequire(`${process.env.SHARDYARD_CLIENTS}/`)(name);
}

/** Base of the REST routes without the version, and the origin: libraries differ in which they want. */
export const origin = new URL(settings.api).origin;

export class Recorder {
  /** What an earlier process of this bot had: per shard {sessionId, resumeURL, sequence}; empty at a first start. */
  saved = new Map();
  /** `user` and `application` of READY, which a RESUME does not tell again. */
  identity = null;
  #book = new Book();
  #own = null;
  #commands = { cache: () => this.#tellCache() };

  constructor(path) {
    this.path = path;
    if (existsSync(path)) this.#recall();
    process.on("unhandledRejection", (error) => this.failed(error));
    process.on("uncaughtException", (error) => this.failed(error));
    createInterface({ input: process.stdin })
      .on("line", (line) => this.#obey(...line.split(" ")))
      .on("close", () => process.exit(0));
    this.write({ e: "start", resumes: this.saved.size });
  }

  write(line) {
    appendFileSync(this.path, `${JSON.stringify({ at: Date.now(), ...line })}\n`);
  }

  failed(error) {
    if (harmless(error)) return;
    this.write({ e: "error", text: String(error?.stack ?? error) });
    console.error(error);
  }

  /** A dispatch as the library got it, before the library has done anything with it. */
  dispatch(shard, { t, s, d }) {
    const line = { e: "dispatch", shard, t, s };
    if (t === "READY") {
      Object.assign(line, {
        session: d.session_id,
        url: d.resume_gateway_url,
        guilds: d.guilds.map((guild) => guild.id),
        user: d.user,
        application: d.application,
        pair: d.shard,
      });
    } else if (t !== "RESUMED") {
      Object.assign(line, naming(t, d));
    }
    this.write(line);
    this.#book.take(t, d);
  }

  /** The bot's own events: what its author would notice. */
  closed(shard, code) {
    this.write({ e: "closed", shard, code: code ?? null });
  }
  resumed(shard) {
    this.write({ e: "resumed", shard });
  }
  invalid(shard, resumable) {
    this.write({ e: "invalid", shard, resumable });
  }
  ready() {
    this.write({ e: "ready" });
  }
  joined(guild) {
    this.write({ e: "joined", g: guild });
  }
  left(guild) {
    this.write({ e: "left", g: guild });
  }
  unavailable(guild) {
    this.write({ e: "unavailable", g: guild });
  }

  /** `of()`: the library's cache as [{id, name, channels, threads, roles: [[id, name]], members: count}]. */
  cacheIs(of) {
    this.#own = of;
  }

  /** `act(...arguments)` at each line on standard input that begins with `word`. */
  on(word, act) {
    this.#commands[word] = act;
  }

  async #obey(word, ...rest) {
    try {
      await this.#commands[word](...rest);
    } catch (error) {
      this.failed(error);
    }
  }

  #tellCache() {
    this.write({ e: "cache", book: this.#book.guilds(), own: this.#own ? Object.fromEntries(this.#own().map(printed)) : null });
  }

  #recall() {
    let text = readFileSync(this.path, "utf8");
    const whole = text.lastIndexOf("\n") + 1;
    if (whole < text.length) {
      truncateSync(this.path, Buffer.byteLength(text.slice(0, whole)));
      text = text.slice(0, whole);
    }
    for (const line of text.split("\n").filter(Boolean).map((each) => JSON.parse(each))) {
      if (line.e !== "dispatch") continue;
      if (line.t === "READY") {
        this.saved.set(line.shard, { sessionId: line.session, resumeURL: line.url, sequence: 1 });
        this.identity = { user: line.user, application: line.application };
      } else {
        this.saved.get(line.shard).sequence = line.s;
      }
    }
  }
}

/** The fields that tell which occurrence of the world this is. `crc` is the digest that the simulator's truth has. */
function naming(t, d) {
  const of = { g: t === "GUILD_CREATE" || t === "GUILD_DELETE" ? d.id : d.guild_id };
  if (t === "GUILD_DELETE" && d.unavailable) of.outage = true;
  if (t === "GUILD_CREATE") of.members = d.member_count;
  else of.crc = crc32(JSON.stringify(d));
  if (!of.g && d.channel_id) of.c = d.channel_id;
  if (t === "INTERACTION_CREATE") of.id = d.id;
  if (t === "MESSAGE_CREATE") Object.assign(of, { id: d.id, content: d.content.length, by: d.author.id });
  if (t === "VOICE_STATE_UPDATE") Object.assign(of, { user: d.user_id, c: d.channel_id, voice: d.session_id });
  if (t === "VOICE_SERVER_UPDATE") Object.assign(of, { endpoint: d.endpoint, token: d.token });
  return of;
}

const printed = ({ id, name, channels, threads, roles, members }) => [
  id,
  { name, channels: fingerprint(channels), threads: fingerprint(threads), roles: fingerprint(roles), members },
];

export const recorder = new Recorder(settings.lines);

/** A library that was told its sessions goes on with `url` and the query of its first connection. */
export function resumeUrl(saved, compress) {
  const query = new URLSearchParams({ v: "10", encoding: "json" });
  if (compress) query.set("compress", compress);
  return `${saved.resumeURL}?${query}`;
}

/** Answer of GET /gateway/bot, for libraries that leave that to the bot. */
export async function gatewayBot() {
  const answer = await fetch(`${settings.api}/v10/gateway/bot`, {
    headers: { authorization: `Bot ${settings.token}`, "user-agent": "DiscordBot (https://example.org, 1)" },
  });
  if (!answer.ok) throw new Error(`/gateway/bot answered ${answer.status}`);
  return answer.json();
}
