import numpy as np

from gr_jax.training.peak_memory import peak_memory


def test_the_peak_rises_with_what_is_held_and_never_falls():
  before = peak_memory()
  held = np.ones(1 << 25)  # 256 MB
  during = peak_memory()
  del held
  assert during >= before
  assert during > 1 << 28
  assert peak_memory() >= during
