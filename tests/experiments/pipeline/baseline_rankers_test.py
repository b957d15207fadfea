import numpy as np
import pytest

from experiments.pipeline.baseline_rankers import neighbours
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.validation_choice import choose
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TEST, VALID
from gr_jax.evaluation.baselines import item_knn
from tests.reference.small_world import shop

WINDOWS, LASTS = (5, 2), (10, 1, 3)


@pytest.fixture
def counted(monkeypatch):
  """The windows whose pairs were counted, in that order."""
  windows, fit = [], item_knn.fit

  def counting(*args, window, **options):
    windows.append(window)
    return fit(*args, window=window, **options)

  monkeypatch.setattr(item_knn, "fit", counting)
  return windows


def rankers():
  world = shop()
  return neighbours(
    training_sequences(world.requests),
    len(world.catalogue),
    windows=WINDOWS,
    lasts=LASTS,
  )


def test_every_window_is_read_with_every_number_of_newest_purchases():
  world, found = shop(), rankers()
  assert list(found) == [
    "window=5, last=10",
    "window=5, last=1",
    "window=5, last=3",
    "window=2, last=10",
    "window=2, last=1",
    "window=2, last=3",
  ]
  *_, part = draw_eval_requests(world.requests, split=TEST, count=20, seed=0)
  distinct = set()
  for window in WINDOWS:
    state = item_knn.fit(
      training_sequences(world.requests),
      num_items=len(world.catalogue),
      window=window,
    )
    for last in LASTS:
      ranked = found[f"window={window}, last={last}"](part, k=10, exclude=None)
      expected = item_knn.rank(state, part.histories, k=10, last=last)
      np.testing.assert_array_equal(ranked, expected)
      distinct.add(ranked.tobytes())
  assert len(distinct) == 6  # So a swapped setting would be seen.


def test_pairs_of_a_window_are_counted_once_and_when_they_are_needed(counted):
  found = rankers()
  assert counted == []
  requests = shop().requests
  valid = draw_eval_requests(requests, split=VALID, count=10, seed=0)
  choice = choose(found, valid, needs=("history",))
  assert len({row["requests"] for row in choice.figures}) == 2
  for part in draw_eval_requests(requests, split=TEST, count=10, seed=0):
    if part.shows_history:
      choice(part, k=10, exclude=None)
  assert counted == list(WINDOWS)
