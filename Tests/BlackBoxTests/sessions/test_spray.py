"""Honest users get in while 100 connections guess from ever-new addresses: the quick form of campaigns/spray.py."""

from campaigns.ranks import p_value
from campaigns.spray import KINDS, SETTINGS, SHARE_MIN, Spray, people


def test_known_addresses_and_devices_get_in_during_a_spray(make_server):
    server = make_server(people=people(), **SETTINGS).start()
    # One user of each kind: on a busy machine a hash takes seconds, and no login may wait for more than five.
    spray = Spray(server, 8, count=1)
    spray.print()
    for kind in KINDS[:2]:
        assert sum(spray.statuses(kind).values()) >= 2, "too few tries to say anything"
        assert spray.share(kind) >= SHARE_MIN
    assert spray.guesses.get(503, 0) > 0, "the guesses never filled their lane"
    assert server.metric('martlet_hash_lane_rejected_total{lane="known"}') == 0
    assert server.metric('martlet_hash_lane_rejected_total{lane="other"}') > 0
    server.wait_for(lambda: server.metric('martlet_hash_lane_length{lane="other"}') == 0, 30, "an empty lane")
    assert server.metric('martlet_hash_lane_length{lane="known"}') == 0


def test_the_rank_test_tells_shifted_times_from_equal_ones():
    """Figures of scipy.stats.mannwhitneyu(method="asymptotic", use_continuity=False)."""
    assert abs(p_value([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]) - 1) < 1e-9
    assert abs(p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) - 0.0090234) < 1e-6
    assert p_value(list(range(300)), [value + 60 for value in range(300)]) < 1e-6
