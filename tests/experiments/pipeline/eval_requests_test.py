import dataclasses

import numpy as np
import polars as pl
import pytest

from experiments.pipeline.eval_requests import draw_eval_requests
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.data.sources import amazon_reviews
from tests.reference.small_world import shop


@pytest.fixture(scope="module")
def requests():
  drawn = draw_eval_requests(shop().requests, split=TEST, count=12, seed=0)
  return {part.kind: part for part in drawn}


def test_history_and_query_are_shown_as_the_kind_says(requests):
  shown = {kind: (r.shows_history, r.has_query) for kind, r in requests.items()}
  assert shown == {
    "semantic": (False, True),
    "personalised": (True, True),
    "next_basket": (True, False),
  }


def test_semantic_and_personalised_are_the_same_requests(requests):
  np.testing.assert_array_equal(
    requests["semantic"].rows, requests["personalised"].rows
  )


def test_only_requests_of_the_split_that_found_something_are_drawn(requests):
  table = shop().requests
  for part in requests.values():
    assert 0 < len(part.rows) <= 12
    assert (table.split[part.rows] == TEST).all()
    assert ((table.query[part.rows] >= 0) == part.has_query).all()
    assert (part.targets.sizes > 0).all()


def test_lists_belong_to_their_requests(requests):
  part = requests["personalised"].first(3)
  assert len(part.rows) == 3
  for i, r in enumerate(part.rows):
    history = shop().requests.history(r)
    np.testing.assert_array_equal(part.histories[i], history)
    np.testing.assert_array_equal(np.sort(part.seen[i]), np.unique(history))
    np.testing.assert_array_equal(part.targets[i], shop().requests.targets(r))


def test_the_seed_decides_what_is_drawn():
  draws = [
    draw_eval_requests(shop().requests, split=TRAIN, count=20, seed=seed)[
      0
    ].rows
    for seed in (0, 0, 1)
  ]
  np.testing.assert_array_equal(draws[0], draws[1])
  assert draws[0].tolist() != draws[2].tolist()


def test_requests_of_strangers_are_drawn_once():
  requests = shop().requests
  count = len(requests.user_ids)
  nobody = np.empty(count, object)
  nobody[:] = [()] * count
  strangers = dataclasses.replace(
    requests,
    profiles=nobody,
    history_end=requests.user_offsets[requests.user],
  )
  drawn = draw_eval_requests(strangers, split=TEST, count=12, seed=0)
  assert "personalised" not in [part.kind for part in drawn]


def test_the_own_item_is_hidden_and_seen_ones_where_they_are_out(requests):
  part = requests["personalised"].first(3)
  assert part.hidden("kept") is None
  own = np.full(len(part.table), -1, np.int32)
  own[part.rows[1]] = 7
  mine = dataclasses.replace(
    part, table=dataclasses.replace(part.table, own_item=own)
  )
  hidden = mine.hidden("kept")
  assert [hidden[r].tolist() for r in range(3)] == [[], [7], []]
  own[part.rows[1]] = part.targets[1][0]
  relevant = mine.relevant(mine.hidden("kept"))
  assert relevant[1].tolist() == part.targets[1][1:].tolist()
  assert relevant[0].tolist() == part.targets[0].tolist()
  assert mine.relevant(None) is mine.targets
  own[part.rows[1]] = 7
  out = mine.hidden("out")
  for r in range(3):
    expected = {*part.seen[r].tolist(), *([7] if r == 1 else [])}
    assert sorted(out[r].tolist()) == sorted(expected)


def test_a_kind_says_what_it_shows():
  parts = draw_eval_requests(shop().requests, split=TEST, count=5, seed=0)
  assert {part.kind: part.shows for part in parts} == {
    "semantic": {"query"},
    "personalised": {"query", "history"},
    "next_basket": {"history"},
  }


def test_ages_are_the_times_from_each_purchase_to_the_request():
  requests = shop().requests
  for part in draw_eval_requests(requests, split=TEST, count=5, seed=0):
    expected = [
      requests.time[row] - requests.event_time[event]
      for row in part.rows
      for event in range(
        requests.user_offsets[requests.user[row]], requests.history_end[row]
      )
    ]
    assert part.ages.tolist() == expected
    assert len(part.ages) == len(part.histories.rows)
    assert min(expected) > 0


def test_a_count_of_zero_is_every_request_that_led_to_something():
  table = shop().requests
  every = draw_eval_requests(table, split=TEST, count=0, seed=0)
  some = draw_eval_requests(table, split=TEST, count=3, seed=0)
  for part, few in zip(every, some, strict=True):
    kind = "search" if part.has_query else "next_basket"
    led = [r for r in table.rows(TEST, kind) if len(table.targets(r))]
    assert sorted(part.rows) == led
    assert part.available == few.available == len(led)
    assert part.rows[:3].tolist() == few.rows.tolist()
    assert len(part.first(0).rows) == len(led)


def test_every_user_of_a_leave_one_out_split_is_asked_once(tmp_path):
  """30 users, of whom the last event is the test."""
  pl.DataFrame(
    {
      "item_id": ["a", "b", "c"],
      "title": ["x", "y", "z"],
      "attributes": [["Bath"]] * 3,
    }
  ).write_parquet(tmp_path / "items.parquet")
  rows = [(f"u{u}", "abc"[(u + p) % 3], p) for u in range(30) for p in range(4)]
  pl.DataFrame(
    rows, schema=["user_id", "item_id", "position"], orient="row"
  ).write_parquet(tmp_path / "interactions.parquet")
  _, table = amazon_reviews.load(tmp_path)
  (part,) = draw_eval_requests(table, split=TEST, count=0, seed=0)
  assert sorted(part.users) == list(range(30))
  assert part.available == 30
  assert (part.histories.sizes == 3).all()
