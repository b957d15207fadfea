"""The sizes of a shop leave every page a choice and training most requests."""

import dataclasses

import pytest

from gr_jax.data.worlds.shop_config import ShopWorldConfig


def test_every_share_is_a_probability_and_training_keeps_most():
  config = ShopWorldConfig()
  shares = {
    field.name: getattr(config, field.name)
    for field in dataclasses.fields(config)
    if field.name.endswith("_share")
  }
  assert len(shares) == 7
  assert all(0 < share < 1 for share in shares.values())
  assert config.valid_share + config.test_share < 0.5


def test_every_cluster_has_items_and_every_page_a_choice():
  config = ShopWorldConfig()
  clusters = config.num_categories * config.clusters_each
  assert config.num_items > clusters
  assert config.candidates > config.page_size


def test_a_world_is_named_by_values_and_none_changes():
  config = ShopWorldConfig(num_items=10)
  assert config == ShopWorldConfig(num_items=10) != ShopWorldConfig()
  assert hash(config) == hash(ShopWorldConfig(num_items=10))
  with pytest.raises(dataclasses.FrozenInstanceError):
    config.num_items = 11
