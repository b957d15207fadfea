"""Laws of the distances of variants' pictures."""

import numpy as np
import pytest

from experiments.studies.frechet_rows import drawn_captions, frechet_rows
from gr_jax.evaluation.pictures.frechet import frechet_distance

USERS = np.repeat(np.arange(20), 3)
PAIRS = [("near", "near"), ("far", "near"), ("fixed", "far")]


@pytest.fixture(scope="module")
def features():
  rng = np.random.default_rng(0)

  def draw(shift):
    return rng.normal(size=(60, 2, 3)) + shift

  found = {
    "near": {seed: draw(0) for seed in range(3)},
    "far": {seed: draw(2) for seed in range(3)},
    "fixed": {0: draw(2)},
  }
  return found, draw(0)


@pytest.fixture(scope="module")
def rows(features):
  found, real = features
  return list(frechet_rows(found, real, USERS, PAIRS, draws=30))


def test_a_row_has_the_mean_distance_over_seeds(features, rows):
  found, real = features
  each = [
    frechet_distance(x.reshape(-1, 3), real.reshape(-1, 3))
    for x in found["far"].values()
  ]
  assert rows[1]["value"] == pytest.approx(np.mean(each))
  np.testing.assert_allclose(rows[1]["value_by_seed"], each, atol=1e-6)


def test_pictures_that_are_farther_stand_out(rows):
  row = rows[1]
  assert row["low"] > 0
  assert row["p"] < 0.05
  assert (row["agreeing"], row["compared"], row["n"]) == (3, 3, 60)


def test_an_interval_has_its_figure_in_the_middle(rows):
  for row in rows:
    middle = (row["value_low"] + row["value_high"]) / 2
    assert row["value"] == pytest.approx(middle)
    assert row["low"] <= row["difference"] <= row["high"]


def test_a_variant_beside_itself_has_no_difference(rows):
  assert rows[0]["difference"] == rows[0]["low"] == rows[0]["high"] == 0
  assert rows[0]["p"] is None


def test_one_seed_stands_beside_all_of_a_baseline(rows):
  assert len(rows[2]["by_seed"]) == 3
  assert len(set(rows[2]["value_by_seed"])) == 1
  assert rows[2]["seeds"] == 1


def test_captions_are_drawn_whole():
  rows = drawn_captions(np.random.default_rng(0), USERS)
  counts = np.bincount(USERS[rows], minlength=20)
  assert counts.sum() == 60
  assert set(counts % 3) == {0}
  assert (np.bincount(rows, minlength=60).reshape(20, 3).std(axis=1) == 0).all()
