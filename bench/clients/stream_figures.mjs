// What a client measures while it receives one stream: CPU of the process between the first and the last event.
// Arguments of every client: --port N --compress none|zlib|zstd --events N --warm-up N.

const values = new Map();
for (let i = 2; i + 1 < process.argv.length; i += 2) values.set(process.argv[i], process.argv[i + 1]);

export const port = Number(values.get("--port"));
export const compress = values.get("--compress") ?? "zlib";
export const base = `https://127.0.0.1:${port}/api`;
const events = Number(values.get("--events"));
const warmUp = Number(values.get("--warm-up") ?? 1000);

let guilds = -1;
let seen = 0;
let begin;

const isReady = () => guilds === 0 && console.log("ready");

// To be called with every dispatch.
export function count(t, d) {
  if (t === "READY") {
    guilds = d.guilds.length;
    isReady();
  } else if (t === "GUILD_CREATE") {
    guilds -= 1;
    isReady();
  } else if (t !== "RESUMED") {
    seen += 1;
    if (seen === warmUp + 1) begin = process.cpuUsage();
    if (seen === events) {
      const used = process.cpuUsage(begin);
      console.log(`cpu ${((used.user + used.system) / (events - warmUp - 1)).toFixed(4)}`);
      process.exit(0);
    }
  }
}

export function fail(error) {
  console.error(error);
  process.exit(1);
}
