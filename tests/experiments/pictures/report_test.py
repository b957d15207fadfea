"""Rows of a report on pictures."""

import numpy as np

from experiments.pictures.report import rows


def scores(*values):
  return {"reward": np.array(values), "pictures": np.zeros((len(values), 1))}


def test_a_caption_that_comes_again_says_nothing_new():
  """Two captions, a hundred times each, are two."""
  before, after = scores(*[0.0] * 200), scores(*[0.0] * 100, *[1.0] * 100)
  (few,) = rows(before, after, ["a"] * 100 + ["b"] * 100)
  (many,) = rows(before, after, [str(k) for k in range(200)])
  assert few["difference"] == many["difference"] == 0.5
  assert (few["n"], many["n"]) == (2, 200)
  assert few["high"] - few["low"] > 4 * (many["high"] - many["low"])


def test_what_captions_do_not_say_is_left_out():
  before, after = scores(0.0, np.nan, 0.4), scores(0.2, np.nan, 0.4)
  (row,) = rows(before, after, ["a", "b", "c"])
  np.testing.assert_allclose(row["difference"], 0.1)
  np.testing.assert_allclose([row["before"], row["after"]], [0.2, 0.3])
  assert not list(rows(scores(np.nan), scores(np.nan), ["a"]))
