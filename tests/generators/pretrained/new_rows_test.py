import jax
import numpy as np
import pytest

from gr_jax.generators.pretrained.new_rows import (
  ROWS,
  code_texts,
  encoded_texts,
  new_rows,
  with_rows,
)
from gr_jax.generators.pretrained.text import TextTokens
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.reference.small_tokenizer import small_tokenizer

IDS = SemanticIds(
  np.array([[0, 1], [1, 1], [0, -1]], np.int32), level_sizes=(3, 2)
)
TEXTS = ["whole milk", "oat milk", "bread"]


def test_a_code_has_the_texts_of_the_items_that_it_names():
  assert code_texts(IDS, TEXTS, count=6) == [
    "whole milk bread",
    "oat milk",
    "",
    "",
    "whole milk oat milk",
    "",
  ]


def test_of_many_items_some_that_lie_evenly_are_taken():
  codes = np.zeros((160, 1), np.int32)
  ids = SemanticIds(codes, (1,))
  (text,) = code_texts(ids, [str(n) for n in range(160)], count=1)
  assert text.split() == [str(n) for n in range(0, 160, 10)]


@pytest.mark.parametrize("kind", ROWS)
def test_rows_are_of_every_table(kind):
  tables = np.random.default_rng(0).standard_normal((2, 400, 8))
  text = TextTokens(small_tokenizer())
  tokens, mask = encoded_texts(text, code_texts(IDS, TEXTS, count=6))
  found = new_rows(kind, jax.random.key(0), tables, tokens=tokens, mask=mask)
  for rows, table in zip(found, tables, strict=True):
    assert rows.shape == (6, 8)
    mean = table.mean(axis=0)
    expected = {
      "random": np.asarray(rows),
      "mean": np.tile(mean, (6, 1)),
      "text": np.stack(
        [
          table[t[m]].mean(axis=0) if m.any() else mean
          for t, m in zip(tokens, mask)
        ]
      ),
    }[kind]
    np.testing.assert_allclose(rows, expected, atol=1e-5)
  assert np.abs(found[0] - found[1]).max() > 0.01


def test_random_rows_differ():
  table = np.random.default_rng(0).standard_normal((400, 8))
  tokens = np.zeros((50, 1), np.int32)
  (rows,) = new_rows(
    "random", jax.random.key(0), [table], tokens=tokens, mask=tokens > 0
  )
  assert 0.7 < np.asarray(rows).std() < 1.3


def test_an_unknown_kind_is_refused():
  with pytest.raises(ValueError, match="rows is 'x'; use one of random, mean"):
    new_rows("x", jax.random.key(0), [], tokens=np.zeros(0), mask=np.zeros(0))


def test_rows_take_the_place_of_those_that_were_drawn():
  drawn = {name: jax.numpy.zeros((2, 3)) for name in ("new_embedding", "b")}
  found = with_rows({"params": drawn}, [jax.numpy.ones((2, 3))])["params"]
  assert float(found["new_embedding"].sum()) == 6
  assert float(found["b"].sum()) == 0
