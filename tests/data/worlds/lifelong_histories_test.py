"""Histories show what was planted, and where."""

import functools

import numpy as np
import pytest

from gr_jax.data.worlds.lifelong_histories import LifelongConfig, draw_histories
from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_items import make_items

CONFIG = LifelongConfig(
  num_items=500, num_users=200, num_categories=5, clusters_each=6
)


@functools.cache
def _drawn():
  rng = np.random.default_rng(0)
  sizes = ShopWorldConfig(num_items=500, num_categories=5, clusters_each=6)
  items = make_items(rng, sizes)
  return items, draw_histories(rng, CONFIG, items)


def _users():
  _, h = _drawn()
  user = np.repeat(np.arange(200), np.diff(h.offsets))
  old = np.arange(len(user)) - h.offsets[user] < h.oldest[user]
  return user, old


def test_the_interest_for_life_shows_in_the_oldest_part_alone():
  _, h = _drawn()
  user, old = _users()
  life = h.cluster == h.lifelong[user]
  assert not life[~old].any()
  # Half of the part, and of the rest what the other reasons choose by chance.
  np.testing.assert_allclose(life[old].mean(), 0.5 + 0.5 / 30, atol=0.03)


def test_events_have_their_reasons_as_often_as_said():
  _, h = _drawn()
  _, old = _users()
  for interest, share in ((h.mid, 0.35), (h.session, 0.5)):
    by_chance = (1 - share) / 30
    same = (h.cluster == interest)[~old].mean()
    np.testing.assert_allclose(same, share + by_chance, atol=0.03)


def test_items_are_of_their_clusters():
  items, h = _drawn()
  np.testing.assert_array_equal(items.cluster[h.item], h.cluster)


def test_interests_change_as_often_as_said():
  _, h = _drawn()
  starts = np.zeros(len(h.mid), bool)
  starts[h.offsets[:-1]] = True
  for interest, events in ((h.mid, 400), (h.session, 8)):
    changes = (np.diff(interest) != 0)[~starts[1:]].mean()
    np.testing.assert_allclose(changes, 29 / 30 / events, rtol=0.2)


def test_lengths_have_a_heavy_tail_within_bounds():
  lengths = np.diff(_drawn()[1].offsets)
  assert lengths.min() >= 64
  assert lengths.max() <= 100_000
  np.testing.assert_allclose(np.median(lengths), 500, rtol=0.3)
  assert lengths.max() > 10 * np.median(lengths)


def test_time_passes_between_events():
  _, h = _drawn()
  starts = np.zeros(len(h.time), bool)
  starts[h.offsets[:-1]] = True
  assert (np.diff(h.time)[~starts[1:]] >= 2).all()


@pytest.mark.parametrize(
  ("wrong", "message"),
  [
    ({"wanted": (0.5, 0.5, 0.5)}, "wanted"),
    ({"mid_share": 0.8}, r"mid_share \(0.8\)"),
    ({"shortest": 10}, r"shortest \(10\)"),
    ({"longest": 50}, r"longest \(50\)"),
  ],
)
def test_shares_and_sizes_without_a_meaning_are_errors(wrong, message):
  with pytest.raises(ValueError, match=message):
    LifelongConfig(**wrong)
