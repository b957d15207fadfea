r"""A shop whose users want what they liked long ago, lately or now ([OURS]).

A request wants one of three interests of its user `(c_1, c_2, c_3)`: that for
life, the mid-term one and that of the session (`lifelong_histories`), the kind
`k` with probability `wanted_k`, which no log holds. Of the items on its page

  p(click | k) = sigmoid(bias + strength [cluster_i = c_k]),
  p(order | click) = order_share.

A page has as many items of each interest whatever is wanted, so that it tells
nothing of `k`: who knows the interests predicts at best

  p(click) = sum_k wanted_k sigmoid(bias + strength [cluster_i = c_k]).

A ranker that scores items one by one is no better than this; one that cannot
read the oldest events knows nothing of `c_1` (by default NE is 0.92 at best,
and 0.98 without `c_1`, as without any other). Pages do not become events, so an
interest for life stays out of what is recent. Events are clicks, or orders with
`order_share`.
"""

import dataclasses

import numpy as np

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED, Requests
from gr_jax.data.row_lists import offsets_of
from gr_jax.data.splits import split_by_time
from gr_jax.data.training_period import event_counts
from gr_jax.data.worlds.lifelong_histories import (
  Histories,
  LifelongConfig,
  draw_clusters,
  draw_histories,
  draw_items,
)
from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_items import ShopItems, make_catalogue, make_items

LIFELONG, MID, RECENT = 0, 1, 2


@dataclasses.dataclass(frozen=True, eq=False)
class LifelongShop:
  """A log and the truth behind it.

  Attributes:
    config: The sizes and strengths.
    catalogue: The items as a model sees them.
    requests: The log.
    items: The items as they are.
    interests: `[R, 3]` int32, sub-clusters of `items`.
    wanted: `[R]` int8, LIFELONG, MID or RECENT: what a request wants.
    click_probability: `[P]` float64, of the entries of pages, of who knows the
      interests, but not which of them is wanted.
  """

  config: LifelongConfig
  catalogue: Catalogue
  requests: Requests
  items: ShopItems
  interests: np.ndarray
  wanted: np.ndarray
  click_probability: np.ndarray

  @property
  def order_probability(self) -> np.ndarray:
    """`[P]` float64, of the same."""
    return self.click_probability * self.config.order_share


def generate(config: LifelongConfig, *, seed: int) -> LifelongShop:
  """Draws a world; the same config and seed give the same arrays."""
  item_rng, user_rng, page_rng = (
    np.random.default_rng(child)
    for child in np.random.SeedSequence(seed).spawn(3)
  )
  sizes = ShopWorldConfig(
    num_items=config.num_items,
    num_categories=config.num_categories,
    clusters_each=config.clusters_each,
  )
  items = make_items(item_rng, sizes)
  histories = draw_histories(user_rng, config, items)
  newest = _newest_events(page_rng, config, histories)
  user = np.searchsorted(histories.offsets, newest, side="right") - 1
  interests = np.stack(
    [
      histories.lifelong[user],
      histories.mid[newest],
      histories.session[newest],
    ],
    axis=1,
  )
  wanted = page_rng.choice(3, len(user), p=config.wanted).astype(np.int8)
  owner, item = _page_items(page_rng, config, items, interests)
  fits = items.cluster[item][:, None] == interests[owner]
  clicks = 1 / (1 + np.exp(-(config.bias + config.strength * fits)))
  own = clicks[np.arange(len(item)), wanted[owner]]
  kind = _kinds(page_rng, config, own)
  price = np.where(kind == ORDERED, items.price[item], 0)
  time = histories.time[newest] + 1
  ordered = user_rng.random(len(histories.item)) < config.order_share
  requests = Requests(
    user_ids=object_array([f"user{u}" for u in range(config.num_users)]),
    profiles=object_array([()] * config.num_users),
    user_offsets=histories.offsets,
    event_item=histories.item,
    event_time=histories.time,
    user=user.astype(np.int32),
    time=time,
    history_end=newest + 1,
    query=np.full(len(user), -1, np.int32),
    split=split_by_time(
      time, valid_share=config.valid_share, test_share=config.test_share
    ),
    page_offsets=offsets_of(np.bincount(owner, minlength=len(user))),
    page_item=item,
    page_kind=kind,
    page_value=price.astype(np.float32),
    queries=object_array([]),
    event_action=np.where(ordered, ORDERED, CLICKED).astype(np.int8),
  )
  return LifelongShop(
    config=config,
    catalogue=make_catalogue(
      items,
      event_counts(requests, num_items=config.num_items),
      config.clusters_each,
    ),
    requests=requests,
    items=items,
    interests=interests,
    wanted=wanted,
    click_probability=clicks @ np.array(config.wanted),
  )


def _newest_events(
  rng: np.random.Generator, config: LifelongConfig, histories: Histories
) -> np.ndarray:
  """`[R]` the newest event of the history of requests, oldest request first."""
  begin, end = histories.offsets[:-1], histories.offsets[1:]
  first = np.maximum(begin + histories.oldest, end - config.request_events)
  each = config.requests_each
  part = np.arange(each) + rng.random((config.num_users, each))
  places = first[:, None] + part * ((end - first) / each)[:, None]
  newest = np.floor(places).astype(np.int64).reshape(-1)
  return newest[np.argsort(histories.time[newest], kind="stable")]


def _page_items(
  rng: np.random.Generator,
  config: LifelongConfig,
  items: ShopItems,
  interests: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
  """Requests and items of the entries of pages; an item stands there once."""
  rows, size = len(interests), config.page_size
  random = draw_clusters(rng, items, rows * size).reshape(rows, size)
  reason = np.arange(size) % 4
  own = interests[:, np.minimum(reason, RECENT)]
  cluster = np.where(reason <= RECENT, own, random)
  item = draw_items(rng, items, cluster.reshape(-1))
  owner = np.repeat(np.arange(rows), size)
  # In the order of their numbers, which says nothing of what is wanted.
  keys = np.unique(owner * config.num_items + item)
  return keys // config.num_items, (keys % config.num_items).astype(np.int32)


def _kinds(
  rng: np.random.Generator, config: LifelongConfig, clicks: np.ndarray
) -> np.ndarray:
  clicked = rng.random(len(clicks)) < clicks
  ordered = clicked & (rng.random(len(clicks)) < config.order_share)
  kinds = np.select([ordered, clicked], [ORDERED, CLICKED], EXPOSED)
  return kinds.astype(np.int8)
