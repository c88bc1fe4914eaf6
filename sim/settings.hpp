// All that can be chosen about a simulated Discord, with units and defaults. Plain values: the server copies
// them at start.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace shardyard::sim {

/// Which events happen how often.
enum class event_mix {
  presences,    ///< all intents of a large bot: 90 % PRESENCE_UPDATE
  no_presences, ///< messages 40 %, typing 22 %, edits, reactions, voice, members, interactions
  figures,      ///< 45 % presence, 25 % message, 15 % typing, 10 % member, 5 % voice; mean near 616 bytes
};

struct settings {
  // Where it listens.
  std::string address =
      "127.0.0.1";        ///< control requests are answered to loopback peers only, whatever stands here
  std::uint16_t port = 0; ///< 0: any free one. HTTP, control and WebSocket
  std::uint16_t resume_port = 0; ///< 0: any free one. Same service, named in READY as resume_gateway_url
  std::string public_host;       ///< host in the URLs handed out; empty: `address`
  bool self_signed = false;      ///< TLS with a key and certificate made at start for 127.0.0.1 and localhost
  std::string certificate_file;  ///< PEM chain; together with key_file: TLS
  std::string key_file;          ///< PEM
  std::string ca_file;           ///< when set and self_signed: the certificate to trust is written there

  // The bot.
  std::string token = "simulated.bot.token";
  std::uint32_t recommended_shards = 0; ///< `shards` of /gateway/bot; 0: one per 1,000 guilds
  std::uint32_t max_concurrency = 1;    ///< identify keys
  std::uint32_t budget = 1000;          ///< IDENTIFYs per budget window
  std::chrono::seconds budget_window{86400};
  std::chrono::milliseconds identify_spacing{5000}; ///< between IDENTIFYs of one key
  std::uint32_t shard_multiple = 1;                 ///< num_shards must be a multiple of it, else 4010
  std::uint32_t guild_limit = 2500;                 ///< guilds per shard, else 4011
  std::uint64_t privileged_intents =
      0x8102; ///< those of GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT that are approved

  // Connections and sessions.
  std::chrono::milliseconds heartbeat_interval{41250};
  std::chrono::milliseconds hello_delay{
      5}; ///< upgrade to HELLO; 0: in the same segment, which trips some clients
  std::chrono::milliseconds identify_deadline{60000}; ///< HELLO to IDENTIFY or RESUME, then close 4009
  std::chrono::milliseconds session_ttl{180000};      ///< life of a session without connection
  std::uint32_t replay_limit = 0; ///< dispatches kept for RESUME; 0: max(100, min(3500, 75 per guild))
  std::chrono::milliseconds ready_delay{20}; ///< IDENTIFY to READY
  std::uint32_t guild_create_rate = 1000;    ///< GUILD_CREATEs per second and session; 0: all at once
  std::chrono::milliseconds invalid_session_delay{1000}; ///< until op 9 after a bucket violation
  std::chrono::milliseconds reconnect_grace{5000};       ///< until the line is cut after op 7
  double heartbeat_requests = 0; ///< op 1 to the client: per minute and connection, at random moments
  std::chrono::milliseconds heartbeat_request_deadline{10000}; ///< for the op 1 that answers it
  std::chrono::seconds member_request_spacing{30}; ///< between requests for all members of one guild
  std::uint32_t send_limit = 120;                  ///< payloads per 60 s and connection, then 4008
  std::uint32_t max_payload_bytes = 4096;          ///< from a client, else 4002
  std::uint64_t max_queue_bytes = 64u << 20;       ///< unwritten bytes of a slow reader, then its line is cut
  std::uint32_t nodes = 2; ///< connections are spread over so many nodes (fault "drain_node")
  int zlib_level = 1;
  int zstd_level = 1;
  int zstd_window_log = 18;      ///< Discord's: 256 KiB
  bool shuffle_envelope = false; ///< key order of dispatches varies and unknown fields appear
  std::uint32_t split_bytes =
      0; ///< zlib-stream: larger messages come as several WebSocket messages of so many bytes; 0: never

  // The world.
  std::uint64_t seed = 1;
  std::uint32_t guilds = 100;
  double medium_guilds = 0.02;    ///< share with 60 channels and some 100 kB of GUILD_CREATE
  double large_guilds = 0.002;    ///< share with 230 channels and some 600 kB
  double activity_exponent = 0.9; ///< Zipf: share of the guild at rank r is 1 / r^exponent
  double events_per_second = 0;   ///< over all guilds
  event_mix mix = event_mix::presences;
  double twins = 0.0005; ///< share of messages and reactions that Discord itself sends twice to everybody
  double repeated_joins = 0.05; ///< share of GUILD_MEMBER_ADDs told again with a later `joined_at`
  std::string voice_endpoint =
      "voice-sim.invalid:2053";       ///< told in VOICE_SERVER_UPDATE; nobody listens there
  double interactions_per_second = 0; ///< slash commands over all guilds, besides those of the mix
  std::chrono::milliseconds clock_skew{
      0}; ///< of Discord's clock (snowflakes, timestamps) against this host's
  std::chrono::milliseconds copy_delay_min{0}; ///< of each session's copy of an event
  std::chrono::milliseconds copy_delay_max{20};
  std::chrono::milliseconds tick{2}; ///< events are made and sent once per tick
  bool truth = true; ///< keep the log of GET /truth (some 4 bytes per event, 5 per session carrying it)
  bool truth_digests = false;              ///< each occurrence with the CRC-32 of its `d`, 5 bytes more
  std::uint64_t truth_memory = 256u << 20; ///< bytes of it in memory; what is more goes to a file
  std::uint64_t truth_limit = 16ull << 30; ///< bytes of it in all; beyond them there is no truth any more
  std::string truth_folder;                ///< where that file is; empty: the system's for temporary files
};

/// Empty, or what cannot work in these settings and what is allowed.
std::string complaint_about(const settings& chosen);

} // namespace shardyard::sim
