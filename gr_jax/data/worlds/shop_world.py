"""ShopWorld: a shop whose click probabilities are known ([OURS]).

A user at a time, with or without a query, has a preference vector

  w = interest * user_x(u, t) + relevance * query_x(q)        [D]

and clicks an item that is shown with probability

  p(click) = sigmoid(bias + <w, x_i> + appeal_i),   p(order | click) = 0.1,

so that oracle rewards, oracle rankings and oracle NDCG exist. A request shows
a page of items chosen by this score plus noise from candidates of the user's
present intent. Requests without a click are left out: a retriever learns
nothing from them. With accounts it is a platform of ads, whose revenue is exact
as well (`shop_ads`). Left out of the specification: the 12 task labels.
"""

import dataclasses

import numpy as np

from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.data.requests import EXPOSED, ORDERED, Requests
from gr_jax.data.row_lists import offsets_of
from gr_jax.data.splits import split_by_time
from gr_jax.data.training_period import event_counts
from gr_jax.data.worlds.shop_ads import (
  FIELD_NAMES,
  ShopAds,
  logged_values,
  make_ads,
)
from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_items import (
  ShopItems,
  make_catalogue,
  make_items,
)
from gr_jax.data.worlds.shop_log import (
  ShopLog,
  click_probability,
  draw_log,
  period_of,
  preference,
  query_vectors,
)
from gr_jax.data.worlds.shop_users import ShopUsers, make_users


@dataclasses.dataclass(frozen=True, eq=False)
class ShopWorld:
  """A log and the truth behind it.

  Attributes:
    config: The sizes and strengths.
    catalogue: The items as a retriever sees them.
    requests: The log.
    items: The items as they are, with their latent vectors.
    users: The users as they are.
    query_x: `[Q, D]` float32 latent vectors of `requests.queries`.
    ads: What the items pay; None of a shop.
  """

  config: ShopWorldConfig
  catalogue: Catalogue
  requests: Requests
  items: ShopItems
  users: ShopUsers
  query_x: np.ndarray
  ads: ShopAds | None = None

  def preference(
    self, user: np.ndarray, time: np.ndarray, query: np.ndarray
  ) -> np.ndarray:
    """Returns w `[R, D]` of users, times and queries `[R]` (-1 = no query)."""
    period = period_of(time, self.config)
    interest = self.users.interest(user, period, self.items.centres)
    no_query = np.zeros_like(self.query_x[:1])
    query_x = np.concatenate([self.query_x, no_query])[query]
    return preference(interest, query_x, self.config)

  def click_probability(
    self,
    user: np.ndarray,
    time: np.ndarray,
    query: np.ndarray,
    items: np.ndarray,
  ) -> np.ndarray:
    """Returns the probability of a click on items `[R, M]`, were they shown."""
    w = self.preference(user, time, query)
    dots = np.einsum("rd,rmd->rm", w, self.items.x[items])
    return click_probability(dots, self.items.appeal[items], self.config)

  def revenue(
    self,
    user: np.ndarray,
    time: np.ndarray,
    query: np.ndarray,
    items: np.ndarray,
  ) -> np.ndarray:
    """Returns the expected pay of showing items `[R, M]` a thousand times.

    Raises:
      ValueError: the world has no ads.
    """
    if self.ads is None:
      raise ValueError("a shop has no revenue; give the world accounts.")
    clicks = self.click_probability(user, time, query, items)
    return 1000 * clicks * self.ads.click_value[items]


def generate(config: ShopWorldConfig, *, seed: int) -> ShopWorld:
  """Draws a world; the same config and seed give the same arrays.

  Raises:
    ValueError: too few pages had a click to fill `num_requests`.
  """
  item_rng, user_rng, log_rng, ads_rng = (
    np.random.default_rng(child)
    for child in np.random.SeedSequence(seed).spawn(4)
  )
  items, ads = make_items(item_rng, config), None
  if config.accounts:
    items, ads = make_ads(ads_rng, config, items)
  cluster_mass = np.bincount(
    items.cluster, items.popularity, minlength=len(items.centres)
  )
  users = make_users(user_rng, config, cluster_mass)
  log = draw_log(log_rng, config, items, users, ads)
  requests, query_x = _requests(config, items, users, log)
  popularity = event_counts(requests, num_items=config.num_items)
  catalogue = make_catalogue(items, popularity, config.clusters_each)
  world = ShopWorld(config, catalogue, requests, items, users, query_x, ads)
  return world if ads is None else _with_values(world, ads_rng, log)


def _with_values(
  world: ShopWorld, rng: np.random.Generator, log: ShopLog
) -> ShopWorld:
  """The world as its platform sees it: what clicks pay, and logged eCPMs."""
  assert world.ads is not None
  requests, worth = world.requests, world.ads.click_value
  shown = log.page_item >= 0
  clicks = world.click_probability(
    log.user, log.time, requests.query, np.maximum(log.page_item, 0)
  )[shown]
  values = logged_values(rng, clicks, worth[requests.page_item], world.config)
  return dataclasses.replace(
    world,
    catalogue=dataclasses.replace(
      world.catalogue,
      values=worth,
      fields=world.ads.fields,
      field_names=FIELD_NAMES,
    ),
    requests=dataclasses.replace(requests, page_value=values),
  )


def _requests(
  config: ShopWorldConfig, items: ShopItems, users: ShopUsers, log: ShopLog
) -> tuple[Requests, np.ndarray]:
  """Makes requests, and the latent vectors `[Q, D]` of their queries."""
  num_users = len(users.activity)
  clicks = (log.page_kind > EXPOSED).sum(1)
  by_user = np.argsort(log.user, kind="stable")
  past = np.cumsum(clicks[by_user]) - clicks[by_user]
  history_end = past[np.argsort(by_user)]
  events = np.bincount(log.user, clicks, minlength=num_users)
  clicked = log.page_kind[by_user] > EXPOSED
  shown = log.page_item >= 0
  page_item, page_kind = log.page_item[shown], log.page_kind[shown]
  price = np.where(page_kind == ORDERED, items.price[page_item], 0)
  tokens, query = np.unique(log.query, axis=0, return_inverse=True)
  worded = tokens[:, 0] >= 0  # The one without a word sorts first.
  query = query.reshape(-1) - int((~worded).sum())
  requests = Requests(
    user_ids=object_array([f"user{u}" for u in range(num_users)]),
    profiles=users.profiles,
    user_offsets=offsets_of(events),
    event_item=log.page_item[by_user][clicked],
    event_time=np.repeat(log.time[by_user], clicks[by_user]),
    user=log.user,
    time=log.time,
    history_end=history_end,
    query=query.astype(np.int32),
    split=split_by_time(
      log.time, valid_share=config.valid_share, test_share=config.test_share
    ),
    page_offsets=offsets_of(shown.sum(1)),
    page_item=page_item,
    page_kind=page_kind,
    page_value=price.astype(np.float32),
    queries=object_array(
      [
        " ".join(items.words[[w for w in row if w >= 0]])
        for row in tokens[worded].tolist()
      ]
    ),
    event_action=log.page_kind[by_user][clicked],
  )
  return requests, query_vectors(tokens[worded], items.word_x)
