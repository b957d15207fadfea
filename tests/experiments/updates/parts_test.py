"""What a training row leaves out of counts that went on through updates."""

import numpy as np
import pytest

from experiments.updates.parts import CountedFuture, check_trainable
from tests.experiments.updates.small_logs import three_updates


def test_a_row_leaves_out_all_that_its_user_did_later_and_was_counted():
  log = three_updates()
  ids = np.array([2, 0, 3, 1])  # Items to rows of the table of IDs.
  rows = np.arange(len(log.requests))
  left_out = CountedFuture(log, ids)(rows)
  requests = log.requests
  for row, events in zip(rows, left_out.events):
    later = np.arange(len(requests.event_item)) >= requests.history_end[row]
    mine = requests.event_user == requests.user[row]
    items = requests.event_item[later & mine & log.counted]
    assert sorted(events[events >= 0]) == sorted(ids[items])
  assert (left_out.events >= 0).any()


def test_what_is_held_out_was_never_counted_and_needs_no_leaving_out():
  log = three_updates()
  rows = np.flatnonzero(log.held_out & log.newest)
  assert len(rows)
  left_out = CountedFuture(log, np.arange(4))(rows)
  assert (left_out.events < 0).all()


@pytest.mark.parametrize(
  ("section", "name"),
  [
    ({"transitions": {"neighbours": 48}}, "transitions"),
    ({"network": "pretrained"}, "a pretrained network"),
    ({"task": "page_wise"}, r"whole pages \(task=page_wise\)"),
  ],
)
def test_what_updates_do_not_train_is_one_line(section, name):
  with pytest.raises(ValueError, match=f"this run has {name}, which online"):
    check_trainable(section)
  check_trainable({"task": "value_aware", "candidates": {"size": 160}})
  check_trainable({"transitions": {"neighbours": 0}})
