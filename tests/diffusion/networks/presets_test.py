"""Published sizes."""

import math

import jax
import pytest
from flax import linen as nn

from gr_jax.diffusion.networks.presets import PRESETS, build_network

# As the official code of FLUX and SD3.5 counts them; SANA-1.6B without the
# norms of SANA-1.5, which has 1,604,641,952.
COUNTS = {
  "sana_1600m": 1_604_462_752,
  "sd3_5_large": 8_056_627_520,
  "flux_12b": 11_901_408_320,
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_the_published_number_of_parameters(name):
  preset = PRESETS[name]
  network = build_network(preset.network)
  shapes = jax.eval_shape(
    network.init, jax.random.key(0), *preset.inputs(rows=1)
  )
  count = sum(math.prod(x.shape) for x in jax.tree.leaves(nn.unbox(shapes)))
  assert count == COUNTS[name]
  assert abs(count / preset.parameters - 1) < 0.002
