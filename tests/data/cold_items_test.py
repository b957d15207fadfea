"""What is taken out of the training period, and that nothing else is."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.cold_items import draw_cold, make_cold
from gr_jax.data.requests import EXPOSED, ORDERED, TEST, TRAIN, VALID, Requests
from gr_jax.data.training_period import event_counts

# A user of the items 0 1 2 0 2, another of 2 1; the last two events of the
# first are held out, and of the second one.
SPLIT = [TRAIN, TRAIN, VALID, TEST, TEST]
LOG = Requests(
  user_ids=object_array(["u", "v"]),
  profiles=object_array([(), ()]),
  user_offsets=np.array([0, 5, 7]),
  event_item=np.array([0, 1, 2, 0, 2, 2, 1], np.int32),
  event_time=np.array([0, 1, 2, 3, 4, 0, 1]),
  user=np.array([0, 0, 0, 0, 1], np.int32),
  time=np.array([1, 2, 3, 4, 1]),
  history_end=np.array([1, 2, 3, 4, 6]),
  query=np.array([0, 1, -1, -1, 2], np.int32),
  split=np.array(SPLIT, np.int8),
  page_offsets=np.array([0, 3, 5, 6, 7, 8]),
  page_item=np.array([1, 2, 0, 2, 0, 0, 2, 1], np.int32),
  page_kind=np.array(
    [ORDERED, ORDERED, EXPOSED, ORDERED, EXPOSED, ORDERED, ORDERED, ORDERED],
    np.int8,
  ),
  page_value=np.arange(8, dtype=np.float32),
  queries=object_array(["a", "b", "c"]),
  shared_clock=False,
)
ITEMS = Catalogue(
  item_ids=object_array(["x", "y", "z"]),
  texts=object_array(["x", "y", "z"]),
  categories=np.empty((3, 0), np.int32),
  category_names=(),
  values=np.array([1, 2, 3], np.float32),
  popularity=event_counts(LOG, num_items=3),
)


def test_training_events_entries_and_requests_of_a_cold_item_are_gone():
  catalogue, log, left = make_cold(ITEMS, LOG, np.array([False, False, True]))
  # Of the training events of z the one of each user is gone, of held-out ones
  # none; so the histories of the first user's last two requests are shorter.
  assert log.event_item.tolist() == [0, 1, 0, 2, 1]
  assert log.event_time.tolist() == [0, 1, 3, 4, 1]
  assert log.user_offsets.tolist() == [0, 4, 5]
  # The second request led to z alone.
  assert log.query.tolist() == [0, -1, -1, 2]
  assert log.split.tolist() == [TRAIN, VALID, TEST, TEST]
  assert [log.history(r).tolist() for r in range(4)] == [
    [0], [0, 1], [0, 1, 0], [],
  ]  # fmt: skip
  # The entries of its page are gone too, what was only shown with them.
  assert left.tolist() == [1, 0, 1, 0, 0, 1, 1, 1]
  assert log.page_offsets.tolist() == [0, 2, 3, 4, 5]
  assert log.page_value.tolist() == [0, 2, 5, 6, 7]
  assert [log.targets(r).tolist() for r in range(4)] == [[1], [0], [2], [1]]
  assert catalogue.popularity.tolist() == [1, 1, 0]
  assert catalogue.values.tolist() == [1, 2, 0]
  assert catalogue.texts.tolist() == ["x", "y", "z"]


def test_without_cold_items_the_log_stays_as_it_is():
  catalogue, log, left = make_cold(ITEMS, LOG, np.zeros(3, bool))
  assert left.all()
  for field in dataclasses.fields(LOG):
    mine, theirs = (getattr(x, field.name) for x in (log, LOG))
    np.testing.assert_array_equal(mine, theirs)
  np.testing.assert_array_equal(catalogue.popularity, ITEMS.popularity)


def test_the_splits_of_events_stay_with_them():
  splits = np.array([0, 0, 0, 1, 2, 0, 2], np.int8)
  log = dataclasses.replace(LOG, event_split=splits)
  _, cold, _ = make_cold(ITEMS, log, np.array([False, False, True]))
  assert cold.event_split.tolist() == [0, 0, 1, 2, 2]
  log = dataclasses.replace(LOG, event_action=splits)
  _, cold, _ = make_cold(ITEMS, log, np.array([False, False, True]))
  assert cold.event_action.tolist() == [0, 0, 1, 2, 2]


def test_cold_items_are_a_share_that_the_seed_draws():
  cold = draw_cold(1000, share=0.1)
  assert cold.sum() == 100
  assert (draw_cold(1000, share=0.1) == cold).all()
  assert (draw_cold(1000, share=0.1, seed=1) != cold).any()
  assert not draw_cold(1000, share=0.0).any()


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_is_below_one(share):
  with pytest.raises(ValueError, match=f"cold items is {share}"):
    draw_cold(10, share=share)
