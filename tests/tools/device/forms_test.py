"""The models of the full form have the sizes of their names."""

from tools.device import programs
from tools.device.forms import FULL


def test_the_models_have_the_sizes_of_their_names():
  for name, sizes in FULL.models.items():
    weights = programs.block_weights(sizes) + sizes.vocabulary * sizes.width
    assert round(weights / 1e9, 1) == float(name.removesuffix("B"))
    # Kernels are made for such lengths.
    assert programs.positions(sizes) == 256
  assert 2 + FULL.deployment.history == 256
