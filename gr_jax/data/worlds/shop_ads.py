"""ShopWorld as a platform of ads: accounts, conversions and bids ([OURS]).

An ad is an item of an account that pays for a kind of conversion. Of a click on
it follow

  p(conversion | click) = rate of its kind * quality of the ad,
  value of a click      = bid * p(conversion | click),
  revenue of a showing  = p(click) * value of a click,    per thousand: eCPM.

A share of the ads copies the content of another (its picture, words, category
and latent vector) and differs in account or conversion, as GR4AD reports of
real ads (arXiv 2602.22732): content does not tell them apart, revenue does. The
platform shows what it expects to be clicked and to pay, and logs with every
showing its own estimate of the eCPM, which is off by a factor.
"""

import dataclasses

import numpy as np

from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_items import ShopItems

CONVERSIONS = ("visit", "lead", "install", "purchase")
_RATES = np.array((0.5, 0.2, 0.1, 0.05))
FIELD_NAMES = ("account", "conversion")


@dataclasses.dataclass(frozen=True)
class ShopAds:
  """What N items are worth as ads.

  Attributes:
    account: `[N]` int32.
    conversion: `[N]` int32 places in `CONVERSIONS`.
    rate: `[N]` float32, p(conversion | click).
    bid: `[N]` float32, what a conversion pays.
    copy_of: `[N]` int32, the item whose content an ad has; itself if its own.
  """

  account: np.ndarray
  conversion: np.ndarray
  rate: np.ndarray
  bid: np.ndarray
  copy_of: np.ndarray

  @property
  def click_value(self) -> np.ndarray:
    """`[N]` float32, the expected pay of a click."""
    return self.bid * self.rate

  @property
  def fields(self) -> np.ndarray:
    """`[N, 2]` object str, of `FIELD_NAMES`."""
    fields = np.empty((len(self.account), len(FIELD_NAMES)), object)
    fields[:, 0] = [f"account{a}" for a in self.account.tolist()]
    fields[:, 1] = [CONVERSIONS[c] for c in self.conversion.tolist()]
    return fields


def make_ads(
  rng: np.random.Generator, config: ShopWorldConfig, items: ShopItems
) -> tuple[ShopItems, ShopAds]:
  """Draws accounts, conversions and bids; some items become copies of others.

  Bids are lognormal, by account and by ad, and higher for rare conversions.
  """
  n = len(items.x)
  account = rng.integers(0, config.accounts, n)
  conversion = rng.integers(0, len(CONVERSIONS), n)
  copies = rng.permutation(n)[: int(config.copied_share * n)]
  own = np.setdiff1d(np.arange(n), copies)
  copy_of = np.arange(n)
  copy_of[copies] = rng.choice(own, len(copies))
  # One of the two differs from the original's.
  same_account = rng.random(n) < 0.5
  shift = rng.integers(1, len(CONVERSIONS), n)
  source = copy_of[copies]
  kept = same_account[copies]
  account[copies[kept]] = account[source[kept]]
  conversion[copies[kept]] = (
    conversion[source[kept]] + shift[copies[kept]]
  ) % len(CONVERSIONS)
  moved = copies[~kept]
  again = account[moved] == account[copy_of[moved]]
  account[moved[again]] = (account[moved[again]] + 1) % config.accounts
  rate = _RATES[conversion] * np.exp(-np.abs(rng.normal(0, 0.3, n)))
  level = rng.normal(0, config.bid_spread / 2, config.accounts)[account]
  spread = config.bid_spread * np.sqrt(3) / 2
  bid = np.exp(level + rng.normal(0, spread, n)) / _RATES[conversion]
  return _with_content_of(items, copy_of), ShopAds(
    account=account.astype(np.int32),
    conversion=conversion.astype(np.int32),
    rate=rate.astype(np.float32),
    bid=bid.astype(np.float32),
    copy_of=copy_of.astype(np.int32),
  )


def _with_content_of(items: ShopItems, rows: np.ndarray) -> ShopItems:
  """Items whose content is that of `rows` `[N]`; popularity is their own."""
  return dataclasses.replace(
    items,
    x=items.x[rows],
    category=items.category[rows],
    cluster=items.cluster[rows],
    price=items.price[rows],
    titles=items.titles[rows],
  )


def auction_scores(ads: ShopAds, config: ShopWorldConfig) -> np.ndarray:
  """`[N]`, what bids add to the scores by which pages are chosen."""
  worth = np.log(ads.click_value)
  return config.auction * (worth - worth.mean())


def logged_values(
  rng: np.random.Generator,
  clicks: np.ndarray,
  click_value: np.ndarray,
  config: ShopWorldConfig,
) -> np.ndarray:
  """The eCPM `[P]` float32 as the platform estimates it.

  Args:
    rng: draws how far estimates are off.
    clicks: p(click) `[P]` of what was shown.
    click_value: `[P]` of the same.
    config: the size of the errors.
  """
  off = np.exp(rng.normal(0, config.estimate_noise, len(clicks)))
  return (1000 * clicks * click_value * off).astype(np.float32)
