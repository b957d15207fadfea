"""Laws of what is measured at each beam."""

import numpy as np
import pytest

from experiments.studies import beams
from gr_jax.tokenizers.semantic_ids import SemanticIds


def test_an_id_is_as_popular_as_all_its_items_together():
  ids = SemanticIds(np.array([[0], [1], [1], [2]]), (3,))
  popularity = np.array([5, 3, 4, 1])
  np.testing.assert_array_equal(beams.popular_ids(ids, popularity), [1, 0, 2])


@pytest.mark.parametrize("widths", [(10, 1), (1, 1, 10)])
def test_beams_rise(widths):
  with pytest.raises(ValueError, match="rising"):
    beams.BeamsConfig(beams=widths)
