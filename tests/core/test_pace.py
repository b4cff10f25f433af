"""The pace of a batch: plain state machines, driven here by a model of a server instead of a clock."""

from __future__ import annotations

import pytest

from hf_fillmask._pace import ListSize, Pace


class Server:
    """Works on `hold` requests at a time, `seconds` each, and refuses what is more than `refuse` in flight."""

    def __init__(self, hold: int, seconds: float, refuse: int) -> None:
        self.hold = hold
        self.seconds = seconds
        self.refuse = refuse
        self.now = 0.0
        self.answers = 0
        self.refusals = 0

    def round(self, pace: Pace) -> None:
        """Send as many requests as the pace allows, all at once, and report what became of them."""
        in_flight = pace.limit
        began = self.now
        self.now += self.seconds * max(1.0, in_flight / self.hold)
        for place in range(in_flight):
            if place < self.refuse:
                self.answers += 1
                pace.answered(began, self.now)
            else:
                self.refusals += 1
                pace.refused(began, self.now)


def test_a_fixed_pace_stays() -> None:
    """A number that the user gave is what is used, whatever the server says."""
    pace = Pace(256, fixed=True)
    pace.answered(0.0, 1.0)
    pace.refused(0.0, 1.0)
    assert pace.limit == 256


def test_the_pace_doubles_to_its_bound_while_that_pays() -> None:
    """Against a server without limits the pace reaches max_connections within some rounds, and not more."""
    server, pace = Server(10_000, 0.05, 10_000), Pace(64)
    for _ in range(20):
        server.round(pace)
    assert pace.limit == 64


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_small_bound_is_the_pace(most: int) -> None:
    """With few connections there is nothing to find out."""
    server, pace = Server(10_000, 0.05, 10_000), Pace(most)
    for _ in range(10):
        server.round(pace)
    assert pace.limit == most


def test_the_pace_finds_a_servers_capacity_without_storming_it() -> None:
    """Held at 32 and refused above 96, a long batch keeps the server busy at under 1 refusal in 100 requests."""
    server, pace = Server(32, 0.05, 96), Pace(256)
    for _ in range(600):
        server.round(pace)
    assert server.refusals / server.answers < 0.01
    assert server.answers / server.now >= 0.95 * 32 / 0.05


def test_a_refusing_server_is_stormed_once_and_then_left_in_peace() -> None:
    """Where answers stay quick until the server refuses, the doubling overshoots once; then the pace keeps below."""
    server, pace = Server(10_000, 0.05, 40), Pace(256)
    for _ in range(300):
        server.round(pace)
    assert 0 < server.refusals / server.answers < 0.01
    assert 20 <= pace.limit <= 41


def test_a_refusal_steps_back_by_a_third_once() -> None:
    """The refusals of all the requests that were in flight at one moment count as one."""
    pace = Pace(64)
    pace.limit = 60
    pace.refused(1.0, 2.0)
    pace.refused(1.5, 2.1)
    assert pace.limit == 40
    pace.refused(2.5, 3.0)
    assert pace.limit == 26


def test_the_pace_never_falls_below_one() -> None:
    """A server that refuses everything is still asked, one request at a time."""
    pace = Pace(64)
    for second in range(1, 20):
        pace.refused(float(second), second + 0.5)
    assert pace.limit == 1


def test_the_pace_creeps_up_after_a_step_back() -> None:
    """After a refusal the pace grows by one a round, while the answers stay quick."""
    server, pace = Server(10_000, 0.05, 10_000), Pace(64)
    pace.refused(0.0, 0.01)
    before = pace.limit
    for _ in range(6):
        server.round(pace)
    assert before < pace.limit <= before + 6


def test_the_pace_stops_creeping_where_answers_queue() -> None:
    """More in flight than a server works on only makes every answer later."""
    server, pace = Server(8, 0.05, 10_000), Pace(256)
    for _ in range(200):
        server.round(pace)
    assert pace.limit <= 32


def test_a_list_size_stays_unless_it_may_grow() -> None:
    """A size that the user gave is what is used."""
    size = ListSize(7)
    for _ in range(50):
        size.answered(7, 0.1)
    assert (size.size, size.most) == (7, 7)


def test_a_list_size_grows_while_a_sentence_gets_cheaper() -> None:
    """With a fixed cost a request, longer lists win up to the bound."""
    size = ListSize(1, grows=True, most=64)
    for _ in range(200):
        size.answered(size.size, 0.1 + 0.0001 * size.size)
    assert size.size == 64


def test_a_list_size_goes_back_where_length_does_not_pay() -> None:
    """Where a list takes as long as its texts one by one, the last size that paid is kept."""
    size = ListSize(1, grows=True, most=64)
    for _ in range(200):
        size.answered(size.size, 0.05 if size.size <= 4 else 0.0125 * size.size)
    assert size.size == 4


def test_answers_of_another_size_say_nothing() -> None:
    """A short last list is not measured against the size that is tried."""
    size = ListSize(1, grows=True)
    for _ in range(100):
        size.answered(3, 0.1)
    assert size.size == 1


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (5, 5), (32, 32), (100, 32)])
def test_a_list_size_is_capped_by_what_the_server_takes(most: int, expected: int) -> None:
    """A size that the server refused is not tried again."""
    size = ListSize(32)
    size.cap(most)
    assert size.size == expected


def test_a_cap_above_the_size_lets_it_grow_up_to_there() -> None:
    """What the server takes bounds the growth, and does not end it."""
    size = ListSize(1, grows=True, most=64)
    size.cap(8)
    for _ in range(200):
        size.answered(size.size, 0.1 + 0.0001 * size.size)
    assert size.size == 8
