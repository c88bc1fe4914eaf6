"""The judge of the bots must be able to condemn."""
import unittest

from judge import Judge, cache_differences, life, lines_of, occurrences

ALL = 53608447
TRUTH = """["S",1,"session",[0,1],0]
["o",1,"5","MESSAGE_CREATE","",11]
["o",2,"5","MESSAGE_CREATE","",12]
["c",1,2,1]
["o",3,"6","GUILD_ROLE_CREATE","",13]
["o",4,"0","INTERACTION_CREATE","",14]
["o",5,"0","MESSAGE_CREATE","77",15]
["o",6,"5","TYPING_START","",16]
"""


def dispatch(name, s, **more):
    return {"e": "dispatch", "shard": 0, "t": name, "s": s, **more}


READY = dispatch("READY", 1, guilds=["5", "6"])
START = [READY, dispatch("GUILD_CREATE", 2, g="5"), dispatch("GUILD_CREATE", 3, g="6")]
EVENTS = [("MESSAGE_CREATE", {"g": "5", "crc": 11}), ("MESSAGE_CREATE", {"g": "5", "crc": 12}),
          ("GUILD_ROLE_CREATE", {"g": "6", "crc": 13}), ("INTERACTION_CREATE", {"crc": 14}),
          ("MESSAGE_CREATE", {"c": "77", "crc": 15})]


def bot(events):
    return START + [dispatch(name, 4 + n, **more) for n, (name, more) in enumerate(events)]


def judged(events, **how):
    return Judge(ALL, **how).verdict(TRUTH, bot(events))[0]


class TheJudge(unittest.TestCase):
    def test_finds_nothing_in_an_exact_stream(self):
        self.assertEqual(judged(EVENTS), dict(happened=5, delivered=5, lost=0, doubled=0, foreign=0, reordered=0))

    def test_finds_each_lost_event(self):
        for n in range(len(EVENTS)):
            self.assertEqual(judged(EVENTS[:n] + EVENTS[n + 1:])["lost"], 1)

    def test_finds_what_came_twice(self):
        for event in EVENTS:
            self.assertEqual(judged([*EVENTS, event])["doubled"], 1)

    def test_finds_what_never_happened(self):
        self.assertEqual(judged([*EVENTS, ("MESSAGE_CREATE", {"g": "5", "crc": 99})])["foreign"], 1)

    def test_finds_events_of_a_guild_that_changed_places(self):
        self.assertEqual(judged([EVENTS[1], EVENTS[0], *EVENTS[2:]])["reordered"], 2)

    def test_allows_any_order_between_guilds(self):
        self.assertEqual(judged([EVENTS[2], EVENTS[4], *EVENTS[:2], EVENTS[3]])["reordered"], 0)

    def test_takes_a_join_for_an_event_and_a_start_for_none(self):
        self.assertEqual(judged([*EVENTS, ("GUILD_CREATE", {"g": "8"})])["foreign"], 1)
        self.assertEqual(judged([*EVENTS, ("GUILD_CREATE", {"g": "5"})])["foreign"], 1)

    def test_takes_the_end_of_an_outage_for_no_join(self):
        back = [("GUILD_DELETE", {"g": "5", "outage": True}), ("GUILD_CREATE", {"g": "5"})]
        self.assertEqual(judged([*EVENTS, *back])["foreign"], 0)
        self.assertEqual(life(bot([*EVENTS, *back]))["outages"], 1)

    def test_checks_the_end_for_a_bot_that_came_late(self):
        self.assertEqual(judged(EVENTS[1:], joins_late=True)["lost"], 0)
        self.assertEqual(judged(EVENTS[:1] + EVENTS[2:], joins_late=True)["lost"], 1)
        self.assertEqual(judged(EVENTS[:3] + EVENTS[4:], joins_late=True)["lost"], 0)
        self.assertEqual(judged([*EVENTS, EVENTS[3]], joins_late=True)["doubled"], 1)

    def test_ignores_what_came_before_the_bot(self):
        self.assertEqual(judged(EVENTS[2:], first=2)["lost"], 0)

    def test_does_not_compare_what_is_masked(self):
        masked = [(name, {**more, "crc": 1}) if name == "MESSAGE_CREATE" else (name, more) for name, more in EVENTS]
        self.assertEqual(Judge(ALL & ~(1 << 15)).verdict(TRUTH, bot(masked))[0]["foreign"], 0)
        self.assertGreater(judged(masked)["foreign"], 0)

    def test_owes_nothing_that_the_intents_keep_out(self):
        self.assertEqual(Judge(ALL & ~(1 << 9)).verdict(TRUTH, bot(EVENTS[2:]))[0]["lost"], 0)


class TheLife(unittest.TestCase):
    def test_finds_a_gap_in_the_sequence_numbers(self):
        self.assertEqual(life([READY, dispatch("TYPING_START", 2), dispatch("TYPING_START", 4)])["gaps"], 1)
        self.assertEqual(life([READY, dispatch("TYPING_START", 2), dispatch("TYPING_START", 2)])["gaps"], 1)

    def test_counts_what_the_author_would_notice(self):
        seen = life([{"e": "start"}, *START, {"e": "closed"}, {"e": "joined", "g": "5"}, dispatch("GUILD_DELETE", 4, g="5")])
        self.assertEqual([seen[key] for key in ("starts", "sessions", "disconnects", "joined", "gaps", "guilds")], [1, 1, 1, 1, 0, 1])


class TheRest(unittest.TestCase):
    def test_a_torn_line_was_not_seen(self):
        self.assertEqual(lines_of('{"e":"ready"}\n{"e":"rea'), [{"e": "ready"}])

    def test_the_truth_begins_after_a_number(self):
        self.assertEqual([row[0] for row in occurrences(TRUTH, 4)], [5, 6])

    def test_caches_differ_by_guild_and_by_content(self):
        world = {"1": {"name": "a", "roles": [1, 5], "members": 3}}
        self.assertEqual(cache_differences({"1": {"name": "a", "roles": [1, 5], "members": None}}, world), [])
        self.assertEqual(len(cache_differences({"1": {"name": "b", "roles": [2, 5], "members": 3}}, world)), 2)
        self.assertEqual(len(cache_differences({}, world)), 1)
        self.assertEqual(len(cache_differences({**world, "2": {}}, world)), 1)


if __name__ == "__main__":
    unittest.main()
