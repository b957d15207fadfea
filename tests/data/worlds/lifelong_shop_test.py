"""Clicks follow the planted interests, whose best prediction is known."""

import functools

import chex
import numpy as np

from gr_jax.data.requests import CLICKED, ORDERED, TEST, TRAIN, VALID
from gr_jax.data.worlds.lifelong_histories import LifelongConfig
from gr_jax.data.worlds.lifelong_shop import LIFELONG, RECENT, generate
from gr_jax.evaluation.normalized_entropy import normalized_entropy

CONFIG = LifelongConfig(
  num_items=500, num_users=600, num_categories=5, clusters_each=6,
  median_events=150, longest=2000,
)  # fmt: skip


@functools.cache
def _world():
  return generate(CONFIG, seed=0)


def _fits():
  w = _world()
  owner = w.requests.page_request
  return owner, w.items.cluster[w.requests.page_item][:, None] == w.interests[
    owner
  ]


def test_a_seed_gives_one_world():
  again = generate(CONFIG, seed=0).requests
  for name in ("event_item", "time", "page_item", "page_kind"):
    chex.assert_trees_all_equal(
      getattr(again, name), getattr(_world().requests, name)
    )
  other = generate(CONFIG, seed=1).requests
  assert not np.array_equal(other.page_kind, again.page_kind)


def test_no_history_shows_the_lifelong_interest_behind_its_oldest_part():
  w = _world()
  oldest = np.maximum(np.diff(w.requests.user_offsets) // 10, 16)
  for r in range(0, len(w.requests), 50):
    clusters = w.items.cluster[w.requests.history(r)]
    newer = clusters[oldest[w.requests.user[r]] :]
    assert w.interests[r, LIFELONG] not in newer


def test_the_interest_of_the_session_is_that_of_the_newest_events():
  w = _world()
  newest = w.items.cluster[w.requests.event_item[w.requests.history_end - 1]]
  assert np.mean(newest == w.interests[:, RECENT]) > 0.4


def test_clicks_follow_what_is_wanted():
  w = _world()
  owner, fits = _fits()
  right = fits[np.arange(len(owner)), w.wanted[owner]]
  clicked = w.requests.page_kind >= CLICKED
  for same, logit in ((right, 1.0), (~right, -3.0)):
    np.testing.assert_allclose(
      clicked[same].mean(), 1 / (1 + np.exp(-logit)), atol=0.02
    )
  ordered = w.requests.page_kind == ORDERED
  np.testing.assert_allclose(ordered[clicked].mean(), 0.3, atol=0.03)


def test_pages_do_not_tell_what_is_wanted():
  w = _world()
  owner, fits = _fits()
  each = [fits[w.wanted[owner] == k].mean(axis=0) for k in range(3)]
  np.testing.assert_allclose(each[0], each[1], atol=0.02)
  np.testing.assert_allclose(each[0], each[2], atol=0.02)


def test_the_best_prediction_is_calibrated_and_better_than_any_part_of_it():
  w = _world()
  _, fits = _fits()
  labels = w.requests.page_kind >= CLICKED
  best = w.click_probability
  for value in np.unique(best.round(6)):
    same = best.round(6) == value
    if same.sum() > 2000:
      np.testing.assert_allclose(labels[same].mean(), value, atol=0.02)
  # Who cannot read what is old predicts the mean of the others' clicks.
  forgetful = np.zeros(len(labels))
  seen = fits[:, 1:] @ (1, 2)
  for value in range(4):
    forgetful[seen == value] = labels[seen == value].mean()
  lost = normalized_entropy(forgetful, labels)
  assert normalized_entropy(best, labels) < lost - 0.02 < lost < 1


def test_splits_follow_time_and_pages_have_what_was_asked_for():
  w = _world()
  times = [w.requests.time[w.requests.split == s] for s in (TRAIN, VALID, TEST)]
  assert times[0].max() <= times[1].min()
  assert times[1].max() <= times[2].min()
  sizes = np.diff(w.requests.page_offsets)
  assert sizes.max() == 8
  assert sizes.min() >= 1
  owner, items = w.requests.page_request, w.requests.page_item
  assert len(np.unique(owner * 500 + items)) == len(items)
  assert w.catalogue.category_names[1]
