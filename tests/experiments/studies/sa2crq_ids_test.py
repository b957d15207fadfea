"""Laws of the figures of a table of IDs."""

import numpy as np
import pytest

from experiments.studies.sa2crq_ids import id_figures, mean_figures
from gr_jax.tokenizers.semantic_ids import SemanticIds

CODES = np.array([[0, 0], [0, 1], [1, -1], [1, -1], [1, -1]])
POPULARITY = np.array([8, 1, 1, 0, 0])


def test_crowding_and_lengths_of_a_small_table():
  found = id_figures(SemanticIds(CODES, (2, 2)), POPULARITY)
  assert found["ids"] == 3
  assert found["items_per_id"] == pytest.approx(5 / 3)
  assert found["largest"] == 3
  assert found["length_head"] == 2
  assert found["length_tail"] == pytest.approx(5 / 4)
  assert found["ends_head"] == [0, 1]
  assert found["ends_tail"] == [0.75, 0.25]


def test_quantiles_of_ids_rise_to_the_largest():
  found = id_figures(SemanticIds(CODES, (2, 2)), POPULARITY)
  assert found["quantiles"] == sorted(found["quantiles"])
  assert found["quantiles"][-1] <= found["largest"]


def test_seeds_are_averaged_and_trees_of_other_depths_keep_their_ends():
  one = id_figures(SemanticIds(CODES, (2, 2)), POPULARITY)
  deeper = np.hstack([CODES, np.full((5, 1), -1)])
  other = id_figures(SemanticIds(deeper, (2, 2, 1)), POPULARITY)
  assert mean_figures([one, one])["ends_tail"] == [0.75, 0.25]
  assert "ends_tail" not in mean_figures([one, other])
  assert mean_figures([one, other])["ids"] == 3
