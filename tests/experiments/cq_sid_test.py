import numpy as np
import pytest

from configs import cq_sid as config
from experiments import cq_sid
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact
from gr_jax.data.requests import CLICKED, TRAIN
from gr_jax.tokenizers.cq_sid import CqSid
from tests.reference.small_world import shop


@pytest.fixture
def data(tmp_path):
  return Data(shop().catalogue, shop().requests, Artefact(tmp_path, "", 0.0))


def test_clicks_are_those_of_training_queries():
  requests = shop().requests
  expected = [
    (item, requests.query[r])
    for r in np.flatnonzero((requests.split == TRAIN) & (requests.query >= 0))
    for item, kind in zip(
      requests.page_item[
        requests.page_offsets[r] : requests.page_offsets[r + 1]
      ],
      requests.page_kind[
        requests.page_offsets[r] : requests.page_offsets[r + 1]
      ],
    )
    if kind >= CLICKED
  ]
  items, queries = cq_sid.training_clicks(requests)
  assert list(zip(items.tolist(), queries.tolist())) == expected


def test_categories_are_unknown_at_depth_0(data):
  categories, count = cq_sid.categories_at(data, 0)
  assert count == 0
  assert (categories == -1).all()


def test_a_depth_below_the_tree_gives_its_leaves(data):
  depth = data.catalogue.categories.shape[1]
  categories, count = cq_sid.categories_at(data, depth + 5)
  np.testing.assert_array_equal(categories, data.catalogue.categories[:, -1])
  assert count == len(data.catalogue.category_names[-1])


def test_the_section_becomes_the_tokenizers_config():
  section = config.get_config("tiny").tokenizer
  found = CqSid.settings(section)
  assert found.vae.levels == section.vae.levels
  assert found.gamma == section.contrast.gamma
  assert found.vae.codebook.decay == section.ema.decay


def test_one_level_is_too_few():
  section = config.get_config("tiny").tokenizer
  section.vae.levels = (32,)
  with pytest.raises(ValueError, match=r"levels is \(32,\); CQ-SID needs"):
    CqSid.settings(section)
