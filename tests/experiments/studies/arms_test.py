"""The arms of the study differ by what their names say."""

import dataclasses

import ml_collections
import numpy as np
import pytest

from configs import cq_sid_claim
from experiments.pipeline.prepare import Data
from experiments.studies import arms
from gr_jax.artefacts import Artefact
from gr_jax.data.worlds import shop_config, shop_world


@pytest.fixture(scope="module")
def data(tmp_path_factory):
  sizes = shop_config.ShopWorldConfig(
    num_items=60,
    num_users=20,
    num_requests=60,
    num_categories=5,
    clusters_each=2,
  )
  world = shop_world.generate(sizes, seed=0)
  artefact = Artefact(tmp_path_factory.mktemp("data"), "", 0.0)
  return Data(world.catalogue, world.requests, artefact)


def section(name, data, **world):
  config = cq_sid_claim.get_config()
  found = arms.tokenizer_section(
    config.tokenizer,
    ml_collections.ConfigDict({"category_depth": 1, "levels": (7, 6)} | world),
    arms.ARMS[name],
    data,
    seed=3,
  )
  return found.to_dict()


def test_four_arms_differ_by_category_and_queries_alone(data):
  whole = section("cq_sid", data)
  assert section("without_category", data) == whole | {"category_depth": 0}
  contrast = whole["contrast"] | {"gamma": 0.0}
  assert section("without_infonce", data) == whole | {"contrast": contrast}
  assert section("rq_vae", data) == whole


def test_every_arm_has_as_many_codes_as_there_are_categories(data):
  count = len(np.unique(data.catalogue.categories[:, 0]))
  for name in arms.ARMS:
    assert section(name, data)["vae"]["levels"] == (count, 7, 6)


def test_the_shared_section_is_left_alone(data):
  shared = cq_sid_claim.get_config().tokenizer
  before = shared.to_dict()
  world = ml_collections.ConfigDict({"category_depth": 1, "levels": (7, 6)})
  arms.tokenizer_section(
    shared, world, arms.ARMS["rq_vae_gradient"], data, seed=1
  )
  assert shared.to_dict() == before


def test_a_catalogue_without_categories_is_refused(data):
  catalogue = dataclasses.replace(
    data.catalogue,
    categories=np.zeros((len(data.catalogue), 0), np.int32),
    category_names=(),
  )
  bare = dataclasses.replace(data, catalogue=catalogue)
  with pytest.raises(ValueError, match="no categories"):
    section("cq_sid", bare)


@pytest.mark.parametrize("names", [("rq_vae",), ("rq_vae", "rq_vae")])
def test_a_comparison_needs_two_arms(names):
  with pytest.raises(ValueError, match="at least one other"):
    arms.check_arms(names)
