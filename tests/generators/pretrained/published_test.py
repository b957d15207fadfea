import math

import pytest

from gr_jax.generators.pretrained.published import PUBLISHED
from gr_jax.generators.pretrained.weights import parameter_shapes


@pytest.mark.parametrize(
  ("name", "count"),
  [
    ("SmolLM2-135M", 134_515_008),
    ("Qwen2.5-0.5B", 494_032_768),
    ("Qwen2.5-1.5B", 1_543_714_304),
    ("Qwen2.5-3B", 3_085_938_688),
    ("Qwen2.5-7B", 7_615_616_512),
  ],
)
def test_published_models_have_their_number_of_parameters(name, count):
  shapes = parameter_shapes(PUBLISHED[name])
  assert sum(map(math.prod, shapes.values())) == count
