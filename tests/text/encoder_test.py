"""Vectors of texts are unit rows, whatever the batch."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gr_jax.text.encoder import WordLlamaEncoder, unit_rows


@pytest.fixture(scope="module")
def encoder():
  return WordLlamaEncoder()


def test_rows_are_unit_and_order_and_repeats_do_not_matter(encoder):
  texts = ["frozen ice", "milk", "frozen ice", "a much longer text of ice"]
  vectors = encoder.encode(texts)
  assert vectors.shape == (4, encoder.dimensions)
  assert vectors.dtype == np.float32
  np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
  np.testing.assert_array_equal(vectors[0], vectors[2])
  np.testing.assert_allclose(
    encoder.encode(texts[::-1]), vectors[::-1], atol=1e-6
  )


def test_like_texts_are_nearer(encoder):
  milk, cream, tyre = encoder.encode(["whole milk", "milk cream", "car tyre"])
  assert milk @ cream > milk @ tyre


def test_empty_text_gives_zeros_and_no_text_gives_no_rows(encoder):
  assert not encoder.encode([""]).any()
  assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_missing_package_is_named(monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(FileNotFoundError, match="pip install wordllama"):
    WordLlamaEncoder()


def test_a_user_without_a_home_has_vectors():
  """As in a container whose user id has no entry in /etc/passwd."""
  code = (
    "import os, pwd\n"
    "def unknown(uid): raise KeyError(uid)\n"
    "pwd.getpwuid = unknown\n"
    "from gr_jax.text.encoder import WordLlamaEncoder\n"
    "assert WordLlamaEncoder().encode(['milk']).any()\n"
    "assert 'HOME' not in os.environ\n"
  )
  env = {name: x for name, x in os.environ.items() if name != "HOME"}
  root = Path(__file__).parents[2]
  subprocess.run([sys.executable, "-c", code], cwd=root, env=env, check=True)


def test_unit_rows_keeps_zero_rows():
  rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
  np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]], atol=1e-7)
