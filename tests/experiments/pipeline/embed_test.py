import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.embed import embed
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact
from tests.reference.small_world import shop

CONFIG = ConfigDict(
  {
    "dimensions": 4,
    "shift": 1.0,
    "text_weight": 1.0,
    "copurchase_weight": 0.5,
    "history_window": 0,
  }
)


class LengthEncoder:
  """Unit vectors that tell the length of a text modulo 3."""

  dimensions = 3
  calls = 0

  def encode(self, texts):
    LengthEncoder.calls += 1
    return np.eye(3, dtype=np.float32)[[len(text) % 3 for text in texts]]


def test_vectors_are_made_once_and_belong_to_their_data(tmp_path):
  data = Data(
    shop().catalogue, shop().requests, Artefact(tmp_path, "a mark", 0.0)
  )
  first = embed(CONFIG, tmp_path, data, make_encoder=LengthEncoder)
  calls = LengthEncoder.calls
  again = embed(CONFIG, tmp_path, data, make_encoder=LengthEncoder)
  assert LengthEncoder.calls == calls
  np.testing.assert_array_equal(first.items, again.items)
  assert first.items.shape == (60, 7)
  assert first.queries.shape == (len(shop().requests.queries), 7)
  other = Data(data.catalogue, data.requests, Artefact(tmp_path, "other", 0.0))
  embed(CONFIG, tmp_path, other, make_encoder=LengthEncoder)
  assert LengthEncoder.calls > calls
