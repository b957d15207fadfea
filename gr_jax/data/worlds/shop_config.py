"""Sizes and strengths of ShopWorld."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ShopWorldConfig:
  """The sizes of a shop and the strengths of its users' tastes.

  Attributes:
    num_requests: The number of requests, each with a click.
    query_share: The share with a query; the rest are next-basket requests.
    category_query_share: The share of query words that name the category only.
    wander_share: The share whose intent is none of the user's interests.
    days: The length of the log; interests drift every `period_days`.
    drift: The step of the logarithm of an interest's weight.
    bias, interest, relevance, appeal: The weights of the score.
    page_size: The number of items shown, fewer where a category is smaller.
    candidates: The number of items from which a page is chosen.
    noise: The scale of the Gumbel noise that chooses the page.
    order_share: The probability that a click becomes an order.
    accounts: The number of advertisers; 0 = a shop, no ads (`shop_ads`). With
      ads an order is a conversion, and the rest below counts.
    copied_share: The share of ads with the content of another one.
    bid_spread: The standard deviation of the logarithm of a bid.
    auction: How much the worth of a click adds to the score of a page's ads.
    estimate_noise: The deviation of the logarithm of a logged eCPM.
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
  accounts: int = 0
  copied_share: float = 0.3
  bid_spread: float = 1.0
  auction: float = 0.3
  estimate_noise: float = 0.3
  valid_share: float = 0.1
  test_share: float = 0.1

  def __post_init__(self):
    if self.accounts == 1:
      raise ValueError("one account has no other: give 2 accounts, or 0.")

  @property
  def num_periods(self) -> int:
    """The number of periods, the one that begins at the end among them."""
    return -(-self.days // self.period_days) + 1
