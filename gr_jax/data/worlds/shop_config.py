"""Sizes and strengths of ShopWorld."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ShopWorldConfig:
  """Sizes and strengths.

  Attributes:
    num_requests: requests kept, each with a click.
    query_share: requests with a query; the rest are next-basket requests.
    category_query_share: query words that name only the category.
    wander_share: requests whose intent is none of the user's interests.
    days: length of the log; interests drift every `period_days`.
    drift: size of a step of the logarithm of an interest's weight.
    bias, interest, relevance, appeal: of the score.
    page_size: items shown, fewer where a category is smaller.
    candidates: items drawn per request, from which the page is chosen.
    noise: scale of the Gumbel noise that chooses the page.
    order_share: probability that a click becomes an order.
  """

  num_items: int = 20_000
  num_users: int = 5_000
  num_requests: int = 100_000
  num_categories: int = 40
  clusters_each: int = 20
  dimensions: int = 32
  query_share: float = 0.7
  category_query_share: float = 0.4
  wander_share: float = 0.05
  days: int = 90
  period_days: int = 7
  drift: float = 0.4
  bias: float = -5.5
  interest: float = 1.5
  relevance: float = 1.5
  appeal: float = 0.3
  page_size: int = 10
  candidates: int = 40
  noise: float = 0.5
  order_share: float = 0.1
  valid_share: float = 0.1
  test_share: float = 0.1
