"""Every tokenizer encodes after loading as before."""

import json

import numpy as np
import pytest

from gr_jax.tokenizers.build import TOKENIZERS, load_tokenizer, settings
from gr_jax.tokenizers.collisions import COLLISIONS
from gr_jax.tokenizers.given_ids import GivenIds
from gr_jax.tokenizers.tokenizer import Uncodable
from tests.reference import tiny_tokenizers

NEW = np.random.default_rng(7).normal(size=(8, tiny_tokenizers.WIDTH)) / 16
NEW = NEW.astype(np.float32)
CATEGORIES = np.arange(8) % 4 - 1


@pytest.fixture(scope="module", params=tiny_tokenizers.CASES)
def fitted(request, tmp_path_factory):
  """The fit of a case, the IDs and the folder that the stage left."""
  workdir, kept = tmp_path_factory.mktemp("run"), []
  tokenized = tiny_tokenizers.fit(request.param, workdir, keep=kept.append)
  return kept[0], tokenized.semantic_ids, workdir / "tokenizer"


def load(directory):
  """The tokenizer and the policy, from the manifest alone."""
  section = json.loads((directory / "manifest.json").read_text())["section"]
  return load_tokenizer(directory, section), COLLISIONS[section["collisions"]]


def test_a_loaded_tokenizer_encodes_as_the_fitted_one(fitted):
  result, _, directory = fitted
  loaded, _ = load(directory)
  assert type(loaded) is type(result.tokenizer)
  assert loaded.level_sizes == result.tokenizer.level_sizes
  if isinstance(loaded, GivenIds):
    with pytest.raises(Uncodable, match="come from a table"):
      loaded.encode(NEW)
    return
  known = np.load(directory.parent / "vectors" / "items.npy")
  for vectors, categories in (
    (NEW, CATEGORIES),
    (NEW, None),
    (NEW[:1], CATEGORIES[:1]),
    (known, np.full(60, -1)),
  ):
    before = tiny_tokenizers.encode(result.tokenizer, vectors, categories)
    after = tiny_tokenizers.encode(loaded, vectors, categories)
    np.testing.assert_array_equal(after, before)
    assert after.dtype == np.int32
    assert after.shape == (len(vectors), len(loaded.level_sizes))
    assert (after < np.array(loaded.level_sizes)).all()


def test_new_items_change_no_id_that_was_given(fitted):
  _, ids, directory = fitted
  loaded, policy = load(directory)
  if isinstance(loaded, GivenIds):
    return
  codes = tiny_tokenizers.encode(loaded, NEW, CATEGORIES)
  if ids.level_sizes == (60,):  # Atomic: as many codes as items.
    with pytest.raises(ValueError, match="no room: all 60 IDs"):
      policy.append(ids, codes)
    return
  once = policy.append(ids, codes[:5])
  twice = policy.append(once, codes[5:])
  for old, grown in ((ids, once), (once, twice)):
    assert grown.level_sizes == ids.level_sizes
    np.testing.assert_array_equal(grown.codes[: len(old)], old.codes)
  assert len(twice) == 68
  levels, known = codes.shape[1], codes >= 0
  np.testing.assert_array_equal(twice.codes[60:, :levels][known], codes[known])


def test_items_of_the_catalogue_are_known_by_their_paths(tmp_path):
  """A vector that is in the tree already leads to the leaf that it is in."""
  ids = tiny_tokenizers.fit("semantic", tmp_path).semantic_ids
  loaded, _ = load(tmp_path / "tokenizer")
  codes = loaded.encode(np.load(tmp_path / "vectors" / "items.npy"))
  depths = (codes >= 0).sum(axis=1)
  np.testing.assert_array_equal((ids.codes >= 0).sum(axis=1), depths + 1)
  np.testing.assert_array_equal(codes, np.where(codes >= 0, ids.codes, -1))


@pytest.mark.parametrize("case", tiny_tokenizers.CASES)
def test_a_section_gives_the_levels_that_are_known_before_the_fit(case):
  section = tiny_tokenizers.section(case)
  levels = (section.vae if "vae" in section else section).get("levels", ())
  assert settings(section).levels == tuple(levels)
  # A manifest has lists where a config has tuples.
  stored = json.loads(json.dumps(section.to_dict()))
  if "vae" in section:
    assert settings(stored) == settings(section)


def test_a_section_without_a_known_name_is_refused():
  for section in ({}, {"name": "rqvae"}):
    with pytest.raises(
      ValueError, match=r"tokenizer.name is .*; use one of cq"
    ):
      settings(section)


def test_every_tokenizer_is_tried_here():
  names = {tiny_tokenizers.section(case).name for case in tiny_tokenizers.CASES}
  assert names == set(TOKENIZERS)
  policies = {
    tiny_tokenizers.section(case).collisions for case in tiny_tokenizers.CASES
  }
  assert policies == set(COLLISIONS)
