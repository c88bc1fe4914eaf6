// A call as a music bot has it: through the adapter that discord.js gives to its voice library.
import { recorder } from "./recorder.mjs";

const adapters = new Map();

/** Joins the channel, or leaves when there is none, and writes down what the voice library would be told. */
export function join(client, guild, channel) {
  if (!adapters.has(guild)) {
    adapters.set(
      guild,
      client.guilds.cache.get(guild).voiceAdapterCreator({
        onVoiceStateUpdate: (d) => recorder.write({ e: "voice state", g: guild, session: d.session_id, channel: d.channel_id }),
        onVoiceServerUpdate: (d) => recorder.write({ e: "voice server", g: guild, endpoint: d.endpoint, token: d.token }),
        destroy: () => recorder.write({ e: "voice ended", g: guild }),
      }),
    );
  }
  const d = { guild_id: guild, channel_id: channel ?? null, self_mute: false, self_deaf: true };
  if (!adapters.get(guild).sendPayload({ op: 4, d })) throw new Error("the shard does not take op 4");
}
