"""ShopWorld: the log obeys the truth that the world states."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED, TEST, TRAIN, VALID
from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_world import ShopWorld, generate
from tests.reference.small_world import catalogue_click_probability

CONFIG = ShopWorldConfig(
  num_items=600,
  num_users=80,
  num_requests=3000,
  num_categories=8,
  clusters_each=4,
)


@pytest.fixture(scope="module")
def world() -> ShopWorld:
  return generate(CONFIG, seed=0)


def _arrays(world: ShopWorld) -> list[np.ndarray]:
  tables = dataclasses.asdict(world.requests) | dataclasses.asdict(
    world.catalogue
  )
  tables.pop("category_names")
  return [
    *tables.values(),
    world.items.x,
    world.query_x,
    world.items.popularity,
  ]


def test_same_seed_same_world_and_other_seed_another(world):
  again, other = generate(CONFIG, seed=0), generate(CONFIG, seed=1)
  for a, b in zip(_arrays(world), _arrays(again)):
    np.testing.assert_array_equal(a, b)
  assert not np.array_equal(world.items.x, other.items.x)
  assert not np.array_equal(
    world.requests.event_item[:100], other.requests.event_item[:100]
  )


def test_sizes_are_those_of_the_config(world):
  assert len(world.requests) == CONFIG.num_requests
  assert len(world.catalogue) == CONFIG.num_items
  assert world.items.x.shape == (CONFIG.num_items, CONFIG.dimensions)
  assert world.query_x.shape == (len(world.requests.queries), CONFIG.dimensions)
  assert world.catalogue.categories.shape == (CONFIG.num_items, 2)
  np.testing.assert_allclose(world.items.popularity.sum(), 1, rtol=1e-5)
  words = [len(text.split()) for text in world.catalogue.texts]
  assert min(words) >= 6
  assert max(words) <= 12
  lengths = {len(query.split()) for query in world.requests.queries}
  assert lengths <= {1, 2, 3, 4}


def test_every_page_has_distinct_items_and_a_click(world):
  r = world.requests
  for row in range(0, len(r), 7):
    page = slice(r.page_offsets[row], r.page_offsets[row + 1])
    items = r.page_item[page]
    assert 1 <= len(items) <= CONFIG.page_size
    assert len(set(items.tolist())) == len(items)
    assert len(r.targets(row)) >= 1
  assert set(np.unique(r.page_kind)) == {EXPOSED, CLICKED, ORDERED}
  ordered = r.page_kind == ORDERED
  np.testing.assert_array_equal(
    r.page_value, np.where(ordered, world.catalogue.values[r.page_item], 0)
  )


def test_history_is_all_the_user_clicked_before(world):
  r = world.requests
  clicked = {user: [] for user in range(len(r.user_ids))}
  for row in range(len(r)):  # Rows are in the order of time.
    assert r.history(row).tolist() == clicked[r.user[row]]
    clicked[r.user[row]] += r.targets(row).tolist()


def test_a_request_has_a_query_or_a_history(world):
  r = world.requests
  length = r.history_end - r.user_offsets[r.user]
  assert ((r.query >= 0) | (length > 0)).all()
  assert (r.query < 0).any()


def test_splits_follow_time_and_popularity_is_of_training(world):
  r = world.requests
  assert r.time[r.split == TRAIN].max() < r.time[r.split == VALID].min()
  assert r.time[r.split == VALID].max() < r.time[r.split == TEST].min()
  assert (r.split == TEST).sum() == CONFIG.num_requests // 10
  before = r.event_time < r.time[r.split == VALID].min()
  counts = np.bincount(r.event_item[before], minlength=CONFIG.num_items)
  np.testing.assert_array_equal(world.catalogue.popularity, counts)


def test_clicks_come_as_often_as_their_probability_says(world):
  """Over all pages; only those without any click are missing."""
  r = world.requests
  pages = r.page_request
  p = world.click_probability(
    r.user[pages], r.time[pages], r.query[pages], r.page_item[:, None]
  )[:, 0]
  clicked = r.page_kind > EXPOSED
  none = np.exp(np.bincount(pages, np.log1p(-p)))
  expected = p / (1 - none[pages])
  bins = np.digitize(expected, np.quantile(expected, [0.2, 0.4, 0.6, 0.8]))
  for b in range(5):
    n = (bins == b).sum()
    sigma = np.sqrt(expected[bins == b].mean() / n)
    gap = clicked[bins == b].mean() - expected[bins == b].mean()
    assert abs(gap) < 5 * sigma
  orders = (r.page_kind == ORDERED).sum() / clicked.sum()
  assert abs(orders - CONFIG.order_share) < 0.02


def test_catalogue_probability_is_click_probability_of_all_items(world):
  r, rows = world.requests, np.arange(0, 50)
  every = np.tile(np.arange(CONFIG.num_items), (len(rows), 1))
  request = r.user[rows], r.time[rows], r.query[rows]
  np.testing.assert_allclose(
    catalogue_click_probability(world, *request),
    world.click_probability(*request, every),
    rtol=1e-4,
  )


def test_oracle_beats_popularity(world):
  r = world.requests
  rows = r.rows(TEST, "search")
  oracle = catalogue_click_probability(
    world, r.user[rows], r.time[rows], r.query[rows]
  )
  popular = np.argsort(-world.catalogue.popularity)[:10]
  best = np.argsort(-oracle, axis=1)[:, :10]

  def recall(top: np.ndarray) -> float:
    hits = [np.isin(r.targets(q), t).mean() for q, t in zip(rows, top)]
    return float(np.mean(hits))

  assert recall(best) > 1.3 * recall(np.tile(popular, (len(rows), 1)))


def test_head_takes_most_of_the_interactions(world):
  counts = np.sort(world.catalogue.popularity)[::-1]
  head = counts[: round(0.05 * len(counts))]
  assert 0.4 < head.sum() / counts.sum() < 0.95


def test_some_query_words_mean_two_categories(world):
  words = {}
  r = world.requests
  for row in np.flatnonzero(r.query >= 0):
    for word in r.queries[r.query[row]].split():
      words.setdefault(word, set()).update(
        world.items.category[r.targets(row)].tolist()
      )
  shared = sum(len(categories) > 1 for categories in words.values())
  assert 1 < shared < len(words) / 2


def test_world_without_clicks_says_so():
  config = dataclasses.replace(CONFIG, num_requests=50, bias=-100.0)
  with pytest.raises(ValueError, match="raise bias from -100"):
    generate(config, seed=0)
