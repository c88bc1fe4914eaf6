// A call as a music bot has it, with @discordjs/voice: joins, plays without end, and writes down what its library was told and in
// which state it is.
import { Readable } from "node:stream";
import { load, recorder } from "./recorder.mjs";

const SILENCE = Buffer.from([0xf8, 0xff, 0xfe]); // one Opus frame of 20 ms

/** Joins the channel of the guild, or leaves when there is none. */
export function join(client, guild, channel) {
  const voice = load("@discordjs/voice");
  if (!channel) return void voice.getVoiceConnection(guild).destroy();
  const connection = voice.joinVoiceChannel({
    guildId: guild,
    channelId: channel,
    adapterCreator: (methods) => client.guilds.cache.get(guild).voiceAdapterCreator(observed(guild, methods)),
    daveEncryption: false, // the voice server of the tests has none
  });
  connection.on("stateChange", (_, { status }) => recorder.write({ e: "voice", g: guild, status }));
  connection.on("error", (error) => recorder.failed(error));
  const player = voice.createAudioPlayer();
  player.on("error", (error) => recorder.failed(error));
  player.play(voice.createAudioResource(Readable.from(frames()), { inputType: voice.StreamType.Opus }));
  connection.subscribe(player);
}

function* frames() {
  for (;;) yield SILENCE;
}

function observed(guild, methods) {
  return {
    onVoiceStateUpdate(d) {
      recorder.write({ e: "voice state", g: guild, session: d.session_id, channel: d.channel_id });
      methods.onVoiceStateUpdate(d);
    },
    onVoiceServerUpdate(d) {
      recorder.write({ e: "voice server", g: guild, endpoint: d.endpoint, token: d.token });
      methods.onVoiceServerUpdate(d);
    },
    destroy() {
      recorder.write({ e: "voice ended", g: guild });
      methods.destroy();
    },
  };
}
