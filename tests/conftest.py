"""Every test sees eight simulated CPU devices and a shared compile cache."""

import importlib.metadata
import os
import pathlib
import tempfile

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
os.environ.setdefault(
  "JAX_COMPILATION_CACHE_DIR",
  str(pathlib.Path(tempfile.gettempdir()) / "gr_jax_test_compilation_cache"),
)
# Small programs as well: processes that tests start compile the same ones.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ["MPLBACKEND"] = "agg"
# What tests compile runs a few times: it need not be fast. Processes that
# tests start inherit this; flags that are given from outside come last and win.
# XLA ends the process at a flag that it does not know: jax 0.11 has one less.
os.environ["XLA_FLAGS"] = " ".join(
  [
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
    "--xla_cpu_use_fusion_emitters=false"
    if importlib.metadata.version("jaxlib").startswith("0.10.")
    else "",
    "--xla_cpu_parallel_codegen_split_count=1",
    os.environ.get("XLA_FLAGS", ""),
  ]
)

import hypothesis
import jax
import pytest

from tests.reference import one_ir_context

one_ir_context.share()

hypothesis.settings.register_profile(
  "gr_jax", deadline=None, max_examples=25, derandomize=True
)
hypothesis.settings.load_profile("gr_jax")


def pytest_make_parametrize_id(val, argname):
  """Bytes are no names of tests: those of an archive hold the time of day, and
  processes that collect different names end the suite.
  """
  return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True, scope="module")
def few_mappings():
  """Programs are dropped before Linux has no room for their mappings.

  A process may have 65,530 (vm.max_map_count). XLA makes about 25 for a small
  program on CPU, 10 without fusion emitters, and one process of the suite makes
  thousands: past the limit "Failed to materialize symbols" is what it says.
  """
  yield
  maps = pathlib.Path("/proc/self/maps")
  if maps.exists() and maps.read_bytes().count(b"\n") > 30_000:
    jax.clear_caches()


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> pathlib.Path:
  """One folder for all of pytest's processes."""
  base = tmp_path_factory.getbasetemp()
  return base.parent if base.name.startswith("popen-") else base
