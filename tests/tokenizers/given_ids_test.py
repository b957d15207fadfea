"""IDs of a table are kept as they are; what needs codebooks is refused."""

import numpy as np
import pytest

from configs import given_ids as config
from gr_jax.tokenizers.given_ids import GivenIds
from gr_jax.tokenizers.tokenizer import Uncodable


def test_sizes_come_back_and_nothing_is_encoded(tmp_path):
  GivenIds((3, 5)).save(tmp_path)
  loaded = GivenIds.load(tmp_path, {})
  assert loaded == GivenIds((3, 5))
  with pytest.raises(Uncodable, match="new items have none"):
    loaded.encode(np.zeros((1, 4), np.float32))


@pytest.mark.parametrize("policy", ["sinkhorn", "next_free"])
def test_policies_that_need_a_fit_are_refused(policy):
  section = config.get_config("tiny").tokenizer
  section.collisions = policy
  with pytest.raises(ValueError, match=f"collisions is '{policy}'.*clusters"):
    GivenIds.settings(section)
