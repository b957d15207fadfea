import dataclasses

import numpy as np
import pytest

from configs.genrec import get_config
from experiments.pipeline import preference
from experiments.pipeline.embed import Vectors
from gr_jax.data.requests import CLICKED, EXPOSED
from tests.reference.small_world import shop
from tests.reference.tasks import data


def section():
  config = get_config("tiny").preference
  config.update(batch_size=64, negatives=0)
  return config


def fitted(directory):
  """The model of a log in which one half of the catalogue is clicked on."""
  world, world_data = shop(), data(directory)
  liked = world.items.x[:, 0] > np.median(world.items.x[:, 0])
  requests = world_data.requests
  kinds = np.where(liked[requests.page_item], CLICKED, EXPOSED)
  planted = dataclasses.replace(
    world_data,
    requests=dataclasses.replace(
      requests, page_kind=kinds.astype(requests.page_kind.dtype)
    ),
  )
  vectors = Vectors(world.items.x, world.query_x, world_data.artefact)
  return preference.fit_preference_model(section(), directory, planted, vectors)


def test_a_planted_preference_is_found_and_a_second_call_reads_it(tmp_path):
  first, second = fitted(tmp_path), fitted(tmp_path)
  requests, items = np.arange(50), np.arange(50)
  np.testing.assert_array_equal(
    first.model(requests, items), second.model(requests, items)
  )
  assert first.quality == second.quality
  assert 0.7 < first.quality["preference/auc"] <= 1
  assert 0.7 < first.quality["preference/gauc"] <= 1


def test_an_unknown_search_is_refused():
  config = section()
  config.network.search = "x"
  with pytest.raises(ValueError, match="search is 'x'; use one of hard, soft"):
    preference.settings(config)
