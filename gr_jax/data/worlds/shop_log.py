"""The log of a made-up shop: users, times, queries, pages and clicks."""

import dataclasses

import numpy as np

from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED
from gr_jax.data.worlds.shop_ads import ShopAds, auction_scores
from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_items import ShopItems, zipf_sample
from gr_jax.data.worlds.shop_users import ShopUsers

_START = 1_700_000_000
_DAY = 86_400
_QUERY_LENGTHS = (0.35, 0.35, 0.2, 0.1)
_CHUNK = 8192


@dataclasses.dataclass(frozen=True)
class ShopLog:
  """R requests, oldest first, each with a click; P items a page.

  Attributes:
    user: `[R]` int32.
    time: `[R]` int64 unix seconds, no two alike.
    query: `[R, 4]` int32 rows of the words, -1 after the last.
    page_item: `[R, P]` int32, -1 where a page is shorter.
    page_kind: `[R, P]` int8, EXPOSED, CLICKED or ORDERED.
  """

  user: np.ndarray
  time: np.ndarray
  query: np.ndarray
  page_item: np.ndarray
  page_kind: np.ndarray


def preference(
  interest: np.ndarray, query_x: np.ndarray, config: ShopWorldConfig
) -> np.ndarray:
  """Returns w = interest * user_x + relevance * query_x, all `[R, D]`."""
  w = config.interest * interest + config.relevance * query_x
  return w.astype(np.float32)


def click_probability(
  dots: np.ndarray, appeal: np.ndarray, config: ShopWorldConfig
) -> np.ndarray:
  """Returns sigmoid(bias + <w, x_i> + appeal_i), elementwise."""
  # The tanh form of the sigmoid cannot overflow.
  return 0.5 + 0.5 * np.tanh((config.bias + dots + appeal) / 2)


def draw_log(
  rng: np.random.Generator,
  config: ShopWorldConfig,
  items: ShopItems,
  users: ShopUsers,
  ads: ShopAds | None = None,
) -> ShopLog:
  """Draws more pages than are needed and keeps those that are requests.

  Args:
    rng: draws it.
    config: the sizes.
    items: the items.
    users: the users.
    ads: what the items pay, which pages and orders then depend on.

  Raises:
    ValueError: clicks are too rare.
  """
  for times in (2, 8, 32):
    log = _draw(rng, config, items, users, ads, times * config.num_requests)
    if len(log.user) == config.num_requests:
      return log
  raise ValueError(
    f"Of {times * config.num_requests} pages {len(log.user)} had a click, "
    f"{config.num_requests} are needed; raise bias from {config.bias}."
  )


def _draw(
  rng: np.random.Generator,
  config: ShopWorldConfig,
  items: ShopItems,
  users: ShopUsers,
  ads: ShopAds | None,
  n: int,
) -> ShopLog:
  user = np.searchsorted(np.cumsum(users.activity), rng.random(n))
  user = np.minimum(user, len(users.activity) - 1).astype(np.int32)
  seconds = config.days * _DAY - n
  time = _START + np.sort(rng.integers(0, seconds, n)) + np.arange(n)
  period = period_of(time, config)
  cluster = _intents(rng, config, items, users, user, period)
  query = _queries(rng, config, items, cluster)
  w = preference(
    users.interest(user, period, items.centres),
    query_vectors(query, items.word_x),
    config,
  )
  candidates = _candidates(rng, config, items, cluster)
  page_item, page_kind = _pages(rng, config, items, ads, w, candidates)
  kept = _kept(user, query[:, 0] >= 0, np.any(page_kind > EXPOSED, axis=1))
  kept = kept[: config.num_requests]
  return ShopLog(
    user=user[kept],
    time=time[kept],
    query=query[kept],
    page_item=page_item[kept],
    page_kind=page_kind[kept],
  )


def period_of(time: np.ndarray, config: ShopWorldConfig) -> np.ndarray:
  """Returns the period `[R]` int64 of times, clipped to those of the world."""
  period = (time - _START) // (config.period_days * _DAY)
  return np.clip(period, 0, config.num_periods - 1)


def query_vectors(query: np.ndarray, word_x: np.ndarray) -> np.ndarray:
  """Returns the mean vectors `[R, D]` of words `[R, 4]`; 0 without a word."""
  there = query >= 0
  total = np.zeros((len(query), word_x.shape[1]), np.float32)
  for k in range(query.shape[1]):
    total += np.where(there[:, k, None], word_x[query[:, k]], 0)
  return total / np.maximum(there.sum(1), 1)[:, None].astype(np.float32)


def _intents(
  rng: np.random.Generator,
  config: ShopWorldConfig,
  items: ShopItems,
  users: ShopUsers,
  user: np.ndarray,
  period: np.ndarray,
) -> np.ndarray:
  """Draws the sub-cluster `[R]` of requests: an interest, rarely another."""
  cumulative = np.cumsum(users.weights[user, period], axis=1)
  draw = rng.random(len(user)) * cumulative[:, -1]
  slot = (draw[:, None] >= cumulative[:, :-1]).sum(1)
  mass = np.cumsum(np.bincount(items.cluster, items.popularity))
  other = np.searchsorted(mass, rng.random(len(user)) * mass[-1])
  wander = rng.random(len(user)) < config.wander_share
  return np.where(wander, other, users.clusters[user, slot])


def _queries(
  rng: np.random.Generator,
  config: ShopWorldConfig,
  items: ShopItems,
  cluster: np.ndarray,
) -> np.ndarray:
  """Draws distinct words `[R, 4]` int32 of the intent, -1 after the last."""
  n, most = len(cluster), len(_QUERY_LENGTHS)
  category = cluster // config.clusters_each
  general = rng.random((n, most)) < config.category_query_share

  def draw(words: np.ndarray, rows: np.ndarray) -> np.ndarray:
    ranks = zipf_sample(rng, words.shape[1], exponent=1.0, size=(n, most))
    return words[rows[:, None], ranks]

  query = np.where(
    general,
    draw(items.category_words, category),
    draw(items.cluster_words, cluster),
  )
  length = 1 + np.searchsorted(np.cumsum(_QUERY_LENGTHS[:-1]), rng.random(n))
  length[rng.random(n) >= config.query_share] = 0
  query[np.arange(most) >= length[:, None]] = -1
  for k in range(1, most):
    again = (query[:, :k] == query[:, k, None]).any(1)
    query[again, k] = -1
  # The words stay in order, the gaps go to the end.
  order = np.argsort(query < 0, axis=1, kind="stable")
  return np.take_along_axis(query, order, axis=1).astype(np.int32)


def _candidates(
  rng: np.random.Generator,
  config: ShopWorldConfig,
  items: ShopItems,
  cluster: np.ndarray,
) -> np.ndarray:
  """Draws popular items `[R, C]`: 3/4 of the sub-cluster, 1/4 of its category.

  Sub-clusters are numbered through their categories, so both are ranges of the
  items sorted by sub-cluster.
  """
  order = np.argsort(items.cluster, kind="stable")
  mass = np.append(0, np.cumsum(items.popularity[order]))
  starts = np.searchsorted(
    items.cluster[order], np.arange(len(items.centres) + 1)
  )
  first = cluster // config.clusters_each * config.clusters_each
  near = config.candidates * 3 // 4
  parts = []
  for begin, end, count in (
    (starts[cluster], starts[cluster + 1], near),
    (
      starts[first],
      starts[first + config.clusters_each],
      config.candidates - near,
    ),
  ):
    low, high = mass[begin][:, None], mass[end][:, None]
    draw = low + (high - low) * rng.random((len(cluster), count))
    rows = np.searchsorted(mass, draw, side="right") - 1
    parts.append(np.clip(rows, begin[:, None], end[:, None] - 1))
  return order[np.concatenate(parts, axis=1)].astype(np.int32)


def _pages(
  rng: np.random.Generator,
  config: ShopWorldConfig,
  items: ShopItems,
  ads: ShopAds | None,
  w: np.ndarray,
  candidates: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Draws items and kinds `[R, P]` in chunks, as all vectors would not fit."""
  candidates = np.sort(candidates, axis=1)
  repeated = np.zeros(candidates.shape, bool)
  repeated[:, 1:] = candidates[:, 1:] == candidates[:, :-1]
  offered, rates = items.appeal, np.full(len(items.x), config.order_share)
  if ads is not None:
    offered, rates = offered + auction_scores(ads, config), ads.rate
  pages, kinds = [], []
  for begin in range(0, len(w), _CHUNK):
    part = slice(begin, begin + _CHUNK)
    rows = candidates[part]
    dots = np.einsum("rd,rcd->rc", w[part], items.x[rows], optimize=True)
    noisy = dots + offered[rows] + config.noise * rng.gumbel(size=rows.shape)
    noisy[repeated[part]] = -np.inf
    best = np.argsort(-noisy, axis=1, kind="stable")[:, : config.page_size]
    shown = np.isfinite(np.take_along_axis(noisy, best, axis=1))
    page = np.take_along_axis(rows, best, axis=1)
    click = click_probability(
      np.take_along_axis(dots, best, axis=1), items.appeal[page], config
    )
    clicked = shown & (rng.random(page.shape) < click)
    ordered = clicked & (rng.random(page.shape) < rates[page])
    pages.append(np.where(shown, page, -1))
    kinds.append(
      np.where(ordered, ORDERED, np.where(clicked, CLICKED, EXPOSED))
    )
  return np.concatenate(pages), np.concatenate(kinds).astype(np.int8)


def _kept(
  user: np.ndarray, has_query: np.ndarray, has_click: np.ndarray
) -> np.ndarray:
  """Returns rows with a click, each user's from the first one with a query on.

  A page with neither a query nor a history is no request.
  """
  rows = np.arange(len(user))
  first = np.full(user.max() + 1, len(user))
  np.minimum.at(first, user[has_query & has_click], rows[has_query & has_click])
  return np.flatnonzero(has_click & (rows >= first[user]))
