import numpy as np

from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.random_base import (
  learned_tokenizer,
  write_random,
)
from gr_jax.generators.pretrained.text import read_tokenizer
from tests.reference.small_pretrained import QWEN

TEXTS = ["oat milk 2 l", "whole milk", "oat bread"] * 5


def write(folder, seed):
  folder.mkdir()
  text = learned_tokenizer(TEXTS, size=300)
  write_random(folder, QWEN, text, seed=seed)
  arrangement = read_arrangement(folder)
  return arrangement, load_params(folder, arrangement)["params"]


def test_a_folder_is_a_model_with_tokens_of_its_texts(tmp_path):
  arrangement, params = write(tmp_path / "a", 0)
  text = read_tokenizer(tmp_path / "a")
  assert arrangement.vocab_size == text.size <= 300
  tokens, mask = text.encode([TEXTS[0], "12"], length=16)
  assert text.decode(tokens, mask) == [TEXTS[0], "12"]
  assert mask.sum(axis=1)[0] < len(TEXTS[0])
  assert mask.sum(axis=1)[1] == 2
  table = np.asarray(params["token_embedding"])
  assert abs(table.std() * QWEN.width**0.5 - 1) < 0.05
  norm = params["transformer"]["norm"]["scale"]
  assert (np.asarray(norm) == 1).all()


def test_weights_are_of_the_seed(tmp_path):
  tables = [
    np.asarray(write(tmp_path / name, seed)[1]["token_embedding"])
    for name, seed in (("a", 0), ("b", 0), ("c", 1))
  ]
  np.testing.assert_array_equal(tables[0], tables[1])
  assert np.abs(tables[0] - tables[2]).max() > 0.1
