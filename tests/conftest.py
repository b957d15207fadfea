"""Every test sees eight simulated CPU devices and a shared compile cache."""

import os
import pathlib
import tempfile

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
os.environ.setdefault(
  "JAX_COMPILATION_CACHE_DIR",
  str(pathlib.Path(tempfile.gettempdir()) / "gr_jax_test_compilation_cache"),
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ["MPLBACKEND"] = "agg"

import hypothesis
import jax
import pytest

hypothesis.settings.register_profile(
  "gr_jax", deadline=None, max_examples=25, derandomize=True
)
hypothesis.settings.load_profile("gr_jax")

# Rooms whose tests compile much and compute little.
QUICK = {
  "decoding", "dense", "experiments", "generators", "nn", "rl", "tokenizers",
  "training",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quick_compilation(request):
  """What these tests compile runs a few times: it need not be fast."""
  room = request.path.relative_to(pathlib.Path(__file__).parent).parts[0]
  jax.config.update("jax_disable_most_optimizations", room in QUICK)
  yield
  jax.config.update("jax_disable_most_optimizations", False)
