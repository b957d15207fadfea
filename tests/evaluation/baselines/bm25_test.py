import numpy as np
import pytest

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


TITLES = [
  "新款红色连衣裙",
  "加厚蓝色运动鞋",
  "便携保温杯",
  "हिन्दी की किताब",
  "नीली साड़ी",
  "เสื้อสีแดง",
  "赤いワンピース",
  "red dress",
]
WORLD = bm25.fit(TITLES, np.arange(len(TITLES)))


@pytest.mark.parametrize(
  ("query", "wanted"),
  [
    ("连衣裙", 0),
    ("红色连衣裙", 0),
    ("杯", 2),
    ("किताब", 3),
    ("साड़ी", 4),
    ("เสื้อ", 5),
    ("ﾜﾝﾋﾟｰｽ", 6),
    ("RED", 7),
  ],
)
def test_scripts_without_blanks_and_with_marks_are_found(query, wanted):
  assert bm25.readable(WORLD, [query]).all()
  assert bm25.rank(WORLD, [query], k=1).tolist() == [[wanted]]


def test_queries_without_a_known_word_are_counted():
  queries = ["oat", "oat zzz", "zzz", "the", "", "a", "牛奶"]
  found = bm25.readable(STATE, queries)
  assert found.tolist() == [True, True] + [False] * 5
