from experiments.stages import train
from experiments.stages.prepare import Data
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
