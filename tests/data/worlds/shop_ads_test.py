"""ShopWorld with ads: revenue is exact, and content does not tell it."""

import dataclasses

import numpy as np
import pytest

from gr_jax.data.requests import CLICKED, ORDERED
from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_world import ShopWorld, generate

CONFIG = ShopWorldConfig(
  num_items=600,
  num_users=80,
  num_requests=3000,
  num_categories=8,
  clusters_each=4,
  accounts=20,
)


@pytest.fixture(scope="module")
def world() -> ShopWorld:
  return generate(CONFIG, seed=0)


def test_without_accounts_the_world_is_a_shop_as_before(world):
  shop = generate(dataclasses.replace(CONFIG, accounts=0), seed=0)
  assert shop.ads is None
  assert not shop.catalogue.field_names
  np.testing.assert_array_equal(shop.items.popularity, world.items.popularity)
  with pytest.raises(ValueError, match="give the world accounts"):
    shop.revenue(*(np.zeros(1, int),) * 3, np.zeros((1, 1), int))


def test_one_account_is_refused():
  with pytest.raises(ValueError, match="give 2 accounts, or 0"):
    dataclasses.replace(CONFIG, accounts=1)


def test_a_copy_has_the_content_of_another_and_differs_in_its_fields(world):
  ads, items = world.ads, world.items
  rows = np.arange(CONFIG.num_items)
  copies = np.flatnonzero(ads.copy_of != rows)
  assert len(copies) == int(CONFIG.copied_share * CONFIG.num_items)
  source = ads.copy_of[copies]
  np.testing.assert_array_equal(items.x[copies], items.x[source])
  assert (world.catalogue.texts[copies] == world.catalogue.texts[source]).all()
  same = [
    (each[copies] == each[source]) for each in (ads.account, ads.conversion)
  ]
  assert not np.any(same[0] & same[1])
  # Both ways of being another ad come up.
  assert 0.2 < np.mean(same[0]) < 0.8


def test_fields_and_values_are_what_a_platform_knows(world):
  assert world.catalogue.field_names == ("account", "conversion")
  assert world.catalogue.fields[0, 0] == f"account{world.ads.account[0]}"
  np.testing.assert_array_equal(
    world.catalogue.values, world.ads.bid * world.ads.rate
  )


def test_logged_values_are_the_revenue_but_for_their_noise(world):
  """Of every showing, whatever became of it."""
  requests = world.requests
  r = requests.page_request
  exact = world.revenue(
    requests.user[r],
    requests.time[r],
    requests.query[r],
    requests.page_item[:, None],
  )[:, 0]
  off = np.log(requests.page_value / exact)
  assert abs(off.mean()) < 0.01
  np.testing.assert_allclose(off.std(), CONFIG.estimate_noise, rtol=0.05)


def test_clicks_convert_at_the_rate_of_their_ad(world):
  requests, rate = world.requests, world.ads.rate
  clicked = requests.page_kind >= CLICKED
  expected = rate[requests.page_item[clicked]].sum()
  found = (requests.page_kind == ORDERED).sum()
  assert abs(found - expected) < 4 * np.sqrt(expected)


def test_pages_favour_what_pays(world):
  """Beside its share of the candidates, which popularity gives alone."""
  still = generate(dataclasses.replace(CONFIG, auction=0.0), seed=0)
  means = [
    np.log(each.ads.click_value[each.requests.page_item]).mean()
    for each in (world, still)
  ]
  assert means[0] > means[1] + 0.1
