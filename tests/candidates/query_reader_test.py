import numpy as np
import pytest

from gr_jax.candidates.query_reader import QueryReader, typed_vectors
from gr_jax.text.encoder import unit_rows
from gr_jax.text.known_words import KnownWords

WORDS = ("coffee", "milk", "plate")


def nothing(words):
  return np.zeros((len(words), 2), np.float32)


@pytest.fixture
def reader() -> QueryReader:
  return QueryReader(KnownWords(WORDS, encode=nothing))


def test_a_query_is_read_in_known_words(reader):
  assert reader("cofee with MILK") == "coffee milk"
  assert reader("xylophone milk") == "xylophone milk"
  assert reader("") == ""


def test_words_of_items_stay_as_they_are(reader):
  grown = reader.with_items(["Cofee for two", "plates"])
  assert grown("cofee for two plates milc") == "cofee for two plates milk"
  assert reader("cofee for two") == "coffee two"
  assert grown.with_items(["milc"])("cofee milc") == "cofee milc"


def test_a_vector_is_the_mean_of_what_is_written_and_what_is_read():
  rng = np.random.default_rng(0)
  table = {text: rng.normal(size=3) for text in ("cofee", "coffee", "milk")}

  def encode(texts):
    return np.array([table[text] for text in texts], np.float32)

  found = typed_vectors(encode, ["cofee", "milk"], ["coffee", "milk"], 5)
  units = {text: unit_rows(vector[None])[0] for text, vector in table.items()}
  expected = (units["cofee"] + units["coffee"]) / 2
  np.testing.assert_allclose(found[0, :3], expected, rtol=1e-6)
  np.testing.assert_allclose(found[1, :3], units["milk"], rtol=1e-6)
  assert found.shape == (2, 5)
  assert not found[:, 3:].any()
  assert typed_vectors(encode, [], [], 5).shape == (0, 5)
