import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import tokenize
from gr_jax.artefacts import Artefact
from gr_jax.tokenizers import sinkhorn
from gr_jax.tokenizers.build import load_tokenizer
from gr_jax.tokenizers.collisions import COLLISIONS
from gr_jax.tokenizers.rq_kmeans import RqKMeans
from gr_jax.tokenizers.tokenizer import FitResult
from tests.reference.small_world import shop

CODES = np.random.default_rng(0).integers(0, 4, (60, 2)).astype(np.int32)
CODEBOOKS = np.random.default_rng(2).normal(size=(2, 4, 5)).astype(np.float32)
ITEMS = np.random.default_rng(1).normal(size=(60, 5)).astype(np.float32)


def fit(config, data, vectors, progress):
  del config, data
  progress(1, {"loss": 1.0})
  return FitResult(
    RqKMeans(tuple(CODEBOOKS)),
    CODES,
    vectors.items,
    CODEBOOKS,
    vectors.items,
    [{"step": 1}],
  )


def run(tmp_path, collisions, fit=fit, name="rq_kmeans"):
  artefact = Artefact(tmp_path, "a mark", 0.0)
  return tokenize(
    ConfigDict({"name": name, "collisions": collisions, "levels": (4, 4)}),
    tmp_path,
    Data(shop().catalogue, shop().requests, artefact),
    Vectors(ITEMS, ITEMS[:0], artefact),
    fit=fit,
  )


@pytest.mark.parametrize("collisions", sorted(set(COLLISIONS) - {"next_free"}))
def test_every_policy_keeps_the_codes_that_it_does_not_move(
  tmp_path, collisions
):
  found = run(tmp_path, collisions)
  codes = found.semantic_ids.codes
  assert codes.shape[0] == 60
  kept = {"split": 0, "sinkhorn": 1}.get(collisions, 2)
  np.testing.assert_array_equal(codes[:, :kept], CODES[:, :kept])
  folder = found.artefact.directory
  assert json.loads((folder / "history.json").read_text()) == [{"step": 1}]
  assert json.loads((folder / "quality.json").read_text())


def test_ids_are_fitted_once(tmp_path):
  def never(*arguments):
    raise AssertionError("fitted again")

  first = run(tmp_path, "suffix")
  again = run(tmp_path, "suffix", fit=never)
  np.testing.assert_array_equal(
    first.semantic_ids.codes, again.semantic_ids.codes
  )


def test_a_suffix_separates_items(tmp_path):
  assert run(tmp_path, "suffix").semantic_ids.num_ids == 60
  assert run(tmp_path, "clusters").semantic_ids.num_ids < 60


def test_sinkhorn_moves_by_what_the_last_level_was_given(tmp_path):
  found = run(tmp_path, "sinkhorn").semantic_ids
  expected = sinkhorn.reassign(
    CODES,
    (4, 4),
    residuals=ITEMS - CODEBOOKS[0][CODES[:, 0]],
    codebook=CODEBOOKS[1],
  )
  np.testing.assert_array_equal(found.codes, expected.codes)
  assert (
    found.num_ids >= run(tmp_path / "other", "clusters").semantic_ids.num_ids
  )


def test_the_manifest_names_the_tokenizer_that_was_fitted(tmp_path):
  folder = run(tmp_path, "clusters").artefact.directory
  section = json.loads((folder / "manifest.json").read_text())["section"]
  loaded = load_tokenizer(folder, section)
  np.testing.assert_array_equal(
    loaded.encode(ITEMS), RqKMeans(tuple(CODEBOOKS)).encode(ITEMS)
  )
  with pytest.raises(ValueError, match="'rq_vae', but a RqKMeans was fitted"):
    run(tmp_path, "clusters", name="rq_vae")


def test_an_unknown_policy_is_refused(tmp_path):
  with pytest.raises(ValueError, match=r"collisions is 'none'; use one of"):
    run(tmp_path, "none")
