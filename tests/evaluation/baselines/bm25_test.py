import numpy as np

from gr_jax.evaluation.baselines import bm25

TEXTS = ["oat milk", "whole milk", "dark rye bread", "oat oat bread"]
STATE = bm25.fit(TEXTS, np.array([1, 5, 2, 1]))


def test_items_that_share_words_come_first():
  ranked = bm25.rank(STATE, ["rye bread", "oat milk"], k=4)
  assert ranked[0].tolist() == [2, 3, 1, 0]
  assert ranked[1, 0] == 0


def test_unknown_words_leave_the_popular_items():
  ranked = bm25.rank(STATE, ["zzz", "", "the"], k=4)
  assert ranked.tolist() == [[1, 2, 0, 3]] * 3


def test_unknown_words_beside_known_ones_change_nothing():
  ranked = bm25.rank(STATE, ["oat", "oat zzz"], k=4)
  assert ranked[0].tolist() == ranked[1].tolist()
