from gr_jax.evaluation.baselines import repeat
from tests.reference.plain_lists import from_lists


def test_frequency_comes_first_and_recency_breaks_ties():
  histories = from_lists([[3, 5, 4, 5, 3, 8], []])
  ranked = repeat.rank(histories, k=5)
  assert ranked.tolist() == [[3, 5, 8, 4, -1], [-1] * 5]


def test_without_seen_items_nothing_is_left():
  histories = from_lists([[3, 5, 4, 5, 3]])
  ranked = repeat.rank(histories, k=2, exclude=histories)
  assert ranked.tolist() == [[-1, -1]]
