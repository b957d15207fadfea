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

hypothesis.settings.register_profile(
  "gr_jax", deadline=None, max_examples=25, derandomize=True
)
hypothesis.settings.load_profile("gr_jax")
