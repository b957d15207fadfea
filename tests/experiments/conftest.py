"""These tests are about what a run does, not about how fast."""

import jax
import pytest


@pytest.fixture(scope="module", autouse=True)
def quick_compilation():
  jax.config.update("jax_disable_most_optimizations", True)
  yield
  jax.config.update("jax_disable_most_optimizations", False)
