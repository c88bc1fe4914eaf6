#include "actors/shard/session_machine.hpp"

#include "actors/shard/close_advice.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shardyard::session {

namespace {

// Any code but 1000 and 1001 leaves the session resumable (Gateway, "Initiating a Disconnect").
constexpr std::uint16_t keep_session = 4000;

template <class... Handlers>
struct overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
overloaded(Handlers...) -> overloaded<Handlers...>;

template <class State>
State* at_link(state& x, link_number link) {
  auto* current = std::get_if<State>(&x);
  return current && current->link == link ? current : nullptr;
}

std::optional<link_number>* greeted_link(state& x) {
  if (auto* now_asking = std::get_if<asking>(&x))
    return &now_asking->greeted;
  if (auto* now_queued = std::get_if<queued>(&x))
    return &now_queued->greeted;
  return nullptr;
}

bool forget_greeted(state& x, link_number link) {
  auto* greeted = greeted_link(x);
  if (!greeted || *greeted != link)
    return false;
  greeted->reset();
  return true;
}

std::string describe(const closed& in) {
  auto text = in.code == 0 ? std::string("connection lost") : "closed with " + std::to_string(in.code);
  return in.reason.empty() ? text : text + ": " + in.reason;
}

} // namespace

actions machine::next(const input& in, monotonic now) {
  out_.clear();
  if (std::holds_alternative<stopped>(state_))
    return {};
  if (std::holds_alternative<timer>(in))
    armed_.reset();
  std::visit([&](const auto& x) { on(x, now); }, in);
  if (auto at = deadline(); at && at != armed_)
    out_.emplace_back(wake_at{*at});
  armed_ = deadline();
  return std::exchange(out_, {});
}

std::optional<monotonic> machine::deadline() const {
  using result = std::optional<monotonic>;
  return std::visit(overloaded{[](const idle&) { return result{}; }, [](const live&) { return result{}; },
                               [](const stopped&) { return result{}; },
                               [](const auto& timed) { return result{timed.until}; }},
                    state_);
}

std::optional<link_number> machine::current_link() const {
  using result = std::optional<link_number>;
  return std::visit(overloaded{[](const idle&) { return result{}; }, [](const resting&) { return result{}; },
                               [](const stopped&) { return result{}; },
                               [](const asking& x) { return x.greeted; },
                               [](const queued& x) { return x.greeted; },
                               [](const auto& linked) { return result{linked.link}; }},
                    state_);
}

void machine::on(const start& in, monotonic now) {
  if (!std::holds_alternative<idle>(state_))
    return;
  session_ = in.session;
  purpose_ = in.session ? purpose::recovery : in.purpose;
  attempt(now);
}

void machine::on(const permit_granted& in, monotonic now) {
  if (in.ask <= granted_ask_ || in.ask > last_ask_)
    return;
  granted_ask_ = in.ask;
  auto* current = std::get_if<asking>(&state_);
  if (!current || current->ask != in.ask) {
    out_.emplace_back(permit_unused{in.permit});
    return;
  }
  auto greeted = current->greeted;
  permit_ =
      permit{in.permit, current->asked_at, current->asked_at + std::min(in.valid_for, tuning_.permit_valid)};
  if (!permit_usable(now))
    state_ = queued{now + tuning_.backoff_first, greeted};
  else if (greeted)
    send_identify(*greeted, now);
  else
    open_link(now);
}

void machine::on(const permit_wait& in, monotonic now) {
  auto* current = std::get_if<asking>(&state_);
  if (!current || current->ask != in.ask)
    return;
  constexpr monotonic shortest = std::chrono::milliseconds(50);
  state_ = queued{now + std::max(in.again_after, shortest), current->greeted};
}

void machine::on(const permit_refused& in, monotonic now) {
  auto* current = std::get_if<asking>(&state_);
  if (!current || current->ask != in.ask)
    return;
  out_.emplace_back(alert{"no permit to identify: " + in.why, in.instead});
  state_ = queued{now + tuning_.refused_retry, current->greeted};
}

void machine::on(const hello& in, monotonic now) {
  auto* current = at_link<connecting>(state_, in.link);
  if (!current)
    return;
  if (session_) {
    out_.emplace_back(resume{in.link, session_->session_id, in.cursor});
    state_ = resuming{in.link, current->to_resume_url, now + tuning_.resumed_timeout};
  } else if (permit_usable(now)) {
    send_identify(in.link, now);
  } else {
    ask(in.link, now);
  }
}

void machine::on(const ready& in, monotonic now) {
  if (!at_link<identifying>(state_, in.link))
    return;
  session_ = resumable{in.session_id, in.resume_url};
  purpose_ = purpose::recovery;
  failures_ = url_failures_ = failed_resumes_ = 0;
  state_ = live{in.link, now};
  out_.emplace_back(went_live{in.link, false});
}

void machine::on(const resumed& in, monotonic now) {
  if (!at_link<resuming>(state_, in.link))
    return;
  failures_ = url_failures_ = failed_resumes_ = 0;
  state_ = live{in.link, now};
  out_.emplace_back(went_live{in.link, true});
}

void machine::on(const replayed& in, monotonic now) {
  if (auto* current = at_link<resuming>(state_, in.link))
    current->until = now + tuning_.resumed_timeout;
}

void machine::on(const reconnect& in, monotonic now) {
  if (current_link() != in.link)
    return;
  auto jitter = between(monotonic{}, tuning_.reconnect_jitter);
  close_link(keep_session);
  if (forget_greeted(state_, in.link))
    return;
  if (std::holds_alternative<live>(state_))
    live_ended("asked to reconnect", jitter, now);
  else if (std::holds_alternative<identifying>(state_))
    identify_failed("asked to reconnect before READY", now);
  else if (auto* current = std::get_if<resuming>(&state_))
    link_failed("asked to reconnect before RESUMED", current->to_resume_url, jitter, now);
  else if (auto* opening = std::get_if<connecting>(&state_))
    link_failed("asked to reconnect before HELLO", opening->to_resume_url, jitter, now);
}

void machine::on(const invalid_session& in, monotonic now) {
  if (current_link() != in.link)
    return;
  close_link(keep_session);
  if (forget_greeted(state_, in.link))
    return;
  if (auto* opening = std::get_if<connecting>(&state_))
    link_failed("invalid session before HELLO", opening->to_resume_url, monotonic{}, now);
  else if (std::holds_alternative<identifying>(state_))
    identify_failed("IDENTIFY answered by invalid session", now);
  else if (!in.resumable)
    session_ended("invalid session, not resumable", now);
  else if (auto* current = std::get_if<resuming>(&state_))
    resume_failed("RESUME answered by invalid session", current->to_resume_url, now);
  else
    live_ended("invalid session, resumable", monotonic{}, now);
}

void machine::on(const closed& in, monotonic now) {
  if (current_link() != in.link)
    return;
  if (in.reaction == reaction::fatal) {
    give_up(describe(in), advice_for_close(in.code));
    return;
  }
  if (forget_greeted(state_, in.link))
    return;
  auto ends_session = in.reaction == reaction::identify;
  if (auto* opening = std::get_if<connecting>(&state_))
    link_failed(describe(in), opening->to_resume_url, monotonic{}, now);
  else if (std::holds_alternative<identifying>(state_))
    identify_failed(describe(in), now);
  else if (ends_session)
    session_ended(describe(in), now);
  else if (auto* current = std::get_if<resuming>(&state_))
    resume_failed(describe(in), current->to_resume_url, now);
  else
    live_ended(describe(in), monotonic{}, now);
}

void machine::on(const connect_failed& in, monotonic now) {
  auto* current = at_link<connecting>(state_, in.link);
  if (!current)
    return;
  if (in.fatal)
    give_up("cannot connect: " + in.why,
            "check the gateway address and API version in [discord], then restart the shard");
  else
    link_failed(in.why, current->to_resume_url, in.retry_after, now);
}

void machine::on(const stop& in, monotonic) {
  close_link(in.code);
  if (in.code == 1000 || in.code == 1001)
    session_.reset();
  drop_permit();
  state_ = stopped{};
}

void machine::on(const timer&, monotonic now) {
  auto at = deadline();
  if (!at || now < *at)
    return;
  if (std::holds_alternative<resting>(state_)) {
    attempt(now);
  } else if (auto* greeted = greeted_link(state_)) {
    ask(*greeted, now);
  } else if (auto* opening = std::get_if<connecting>(&state_)) {
    close_link(keep_session);
    link_failed("no HELLO in time", opening->to_resume_url, monotonic{}, now);
  } else if (std::holds_alternative<identifying>(state_)) {
    close_link(keep_session);
    identify_failed("no READY in time", now);
  } else if (auto* current = std::get_if<resuming>(&state_)) {
    close_link(keep_session);
    resume_failed("no RESUMED in time", current->to_resume_url, now);
  }
}

void machine::rest(monotonic pause, monotonic now) {
  if (pause > monotonic{})
    state_ = resting{now + pause};
  else
    attempt(now);
}

void machine::attempt(monotonic now) {
  if (session_ || permit_usable(now))
    open_link(now);
  else
    ask(std::nullopt, now);
}

void machine::ask(std::optional<link_number> greeted, monotonic now) {
  drop_permit();
  ++last_ask_;
  out_.emplace_back(ask_permit{last_ask_, purpose_});
  // An answer later than this would bring an expired permit.
  state_ = asking{last_ask_, now, now + tuning_.permit_valid, greeted};
}

void machine::open_link(monotonic now) {
  auto use_resume_url = session_ && !session_->resume_url.empty() && url_failures_ < tuning_.resume_url_tries;
  ++last_link_;
  out_.emplace_back(connect{last_link_, use_resume_url ? std::optional(session_->resume_url) : std::nullopt});
  state_ = connecting{last_link_, use_resume_url, now + tuning_.hello_timeout};
}

void machine::send_identify(link_number link, monotonic now) {
  out_.emplace_back(identify{link});
  out_.emplace_back(permit_used{permit_->id, now - permit_->asked_at});
  permit_.reset();
  state_ = identifying{link, now + tuning_.ready_timeout};
}

// No RESUME or IDENTIFY was answered on this link, so nothing is known against the session: it is kept, and
// the two URLs take turns for as long as the network is away.
void machine::link_failed(std::string_view why, bool to_resume_url, monotonic at_least, monotonic now) {
  url_failures_ = to_resume_url ? url_failures_ + 1 : 0;
  constexpr int worth_telling = 5;
  if (++failures_ == worth_telling)
    out_.emplace_back(alert{"cannot reach the gateway: " + std::string(why),
                            "check network, name resolution and certificates; the shard goes on trying"});
  rest(std::max(backoff(), at_least), now);
}

void machine::identify_failed(std::string_view why, monotonic now) {
  constexpr int worth_telling = 3;
  if (++failures_ == worth_telling)
    out_.emplace_back(alert{"IDENTIFY fails again and again: " + std::string(why),
                            "each try costs budget; see Discord's status page, or stop the shard"});
  rest(std::max(backoff(), between(tuning_.invalid_wait_min, tuning_.invalid_wait_max)), now);
}

void machine::resume_failed(std::string_view why, bool to_resume_url, monotonic now) {
  ++failures_;
  ++failed_resumes_;
  auto on_base_after_url = !to_resume_url && session_ && !session_->resume_url.empty();
  if (on_base_after_url || failed_resumes_ >= tuning_.resume_tries) {
    drop_session("not resumable after " + std::to_string(failed_resumes_) + " tries: " + std::string(why));
    rest(std::max(backoff(), between(tuning_.invalid_wait_min, tuning_.invalid_wait_max)), now);
  } else {
    rest(backoff(), now);
  }
}

void machine::live_ended(std::string_view why, monotonic at_least, monotonic now) {
  auto brief = now - std::get<live>(state_).since < tuning_.steady_after;
  brief_lives_ = brief ? brief_lives_ + 1 : 0;
  failures_ = brief_lives_;
  out_.emplace_back(disconnected{std::string(why)});
  rest(std::max(brief ? backoff() : monotonic{}, at_least), now);
}

void machine::session_ended(std::string_view why, monotonic now) {
  drop_session(why);
  ++failures_;
  rest(between(tuning_.invalid_wait_min, tuning_.invalid_wait_max), now);
}

void machine::drop_session(std::string_view why) {
  if (!session_)
    return;
  out_.emplace_back(session_lost{session_->session_id, std::string(why)});
  session_.reset();
  url_failures_ = failed_resumes_ = 0;
}

void machine::give_up(std::string reason, std::string advice) {
  drop_session(reason);
  drop_permit();
  out_.emplace_back(session::fatal{std::move(reason), std::move(advice)});
  state_ = stopped{};
}

bool machine::close_link(std::uint16_t code) {
  auto link = current_link();
  if (link)
    out_.emplace_back(close{*link, code});
  return link.has_value();
}

bool machine::permit_usable(monotonic now) const {
  return permit_ && now + tuning_.permit_guard < permit_->expires;
}

void machine::drop_permit() {
  if (permit_)
    out_.emplace_back(permit_unused{permit_->id});
  permit_.reset();
}

monotonic machine::backoff() {
  auto top = tuning_.backoff_first;
  for (int i = 1; i < failures_ && top < tuning_.backoff_cap; ++i)
    top *= 2;
  return between(monotonic{}, std::min(top, tuning_.backoff_cap));
}

monotonic machine::between(monotonic low, monotonic high) {
  auto span = static_cast<std::uint64_t>(std::max(high - low, monotonic{}).count());
  return low + monotonic(static_cast<monotonic::rep>(draw() % (span + 1)));
}

// SplitMix64: small enough to keep the machine a plain value.
std::uint64_t machine::draw() {
  auto z = (random_ += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

std::string_view name_of(const state& x) {
  static constexpr std::array<std::string_view, std::variant_size_v<state>> names = {
      "idle", "resting", "asking", "queued", "connecting", "identifying", "resuming", "live", "stopped"};
  return names[x.index()];
}

} // namespace shardyard::session
