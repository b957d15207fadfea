import numpy as np
import pytest

from configs.genrec import get_config
from experiments.pipeline import preference
from experiments.pipeline.embed import Vectors
from tests.reference.small_world import shop
from tests.reference.tasks import data


def section():
  config = get_config("tiny").preference
  config.batch_size = 64
  return config


def made(directory):
  world = shop()
  world_data = data(directory)
  vectors = Vectors(world.item_x, world.query_x, world_data.artefact)
  return preference.fit_preference_model(
    section(), directory, world_data, vectors
  )


def test_a_second_call_reads_the_same_model(tmp_path):
  first, second = made(tmp_path), made(tmp_path)
  requests, items = np.arange(50), np.arange(50)
  np.testing.assert_array_equal(
    first.model(requests, items), second.model(requests, items)
  )
  assert first.quality == second.quality
  assert 0 < first.quality["preference/auc"] < 1
  assert 0 <= first.quality["preference/gauc"] <= 1


def test_an_unknown_search_is_told():
  config = section()
  config.network.search = "x"
  with pytest.raises(ValueError, match="search is 'x'; use one of hard, soft"):
    preference.settings(config)
