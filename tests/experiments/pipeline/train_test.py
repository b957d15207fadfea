import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline import train
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact
from gr_jax.data.requests import TRAIN
from tests.reference import small_world


def test_words_of_the_vocabulary_are_those_of_the_training(tmp_path):
  requests = small_world.shop().requests
  data = Data(
    small_world.shop().catalogue, requests, Artefact(tmp_path, "", 0.0)
  )
  vocabulary = train.make_vocabulary(
    data, small_world.semantic_ids(), small_world.PROMPT
  )
  asked = requests.query[(requests.split == TRAIN) & (requests.query >= 0)]
  words = {w for q in requests.queries[asked].tolist() for w in q.split()}
  assert set(vocabulary.words) == words


TOLD = {"window": 3, "neighbours": 4, "last": 2}


def small_data(tmp_path):
  shop = small_world.shop()
  return Data(shop.catalogue, shop.requests, Artefact(tmp_path, "", 0.0))


def test_transitions_stand_beside_the_catalogue_and_are_off_by_default(
  tmp_path,
):
  data, ids = small_data(tmp_path), small_world.semantic_ids()
  config = ConfigDict({"count_alpha": 1.0})
  plain = train.count_variables(data, ids, config)
  assert plain["counts"].keys() == {"catalogue"}
  config.transitions = TOLD
  told = train.count_variables(data, ids, config)["counts"]
  assert told["transitions"].neighbours.shape == (ids.num_ids, 4)
  np.testing.assert_array_equal(told["transitions"].ids, ids.ids)


@pytest.mark.parametrize(
  ("section", "error"),
  [
    ({"count_alpha": 0.0}, "count_alpha above 0"),
    ({"count_alpha": 1.0, "task": "page_wise"}, "task is 'page_wise'"),
  ],
)
def test_transitions_that_would_mislead_are_refused(tmp_path, section, error):
  config = ConfigDict(section | {"transitions": TOLD})
  with pytest.raises(ValueError, match=error):
    train.count_variables(
      small_data(tmp_path), small_world.semantic_ids(), config
    )
