"""Loading and exporting keep one copy of a model in memory, not two."""

import json
import math
import struct
import subprocess
import sys

import numpy as np
import pytest

from gr_jax.generators.pretrained.arrangement import Arrangement, write_config
from gr_jax.generators.pretrained.published import PUBLISHED
from gr_jax.generators.pretrained.weights import parameter_shapes, tensors

MOST = 1.15
# Wide for its depth: one parameter of all layers is a quarter of it, as in
# Qwen2.5-1.5B, and so is its table with a head.
SMALL = Arrangement(
  "llama",
  vocab_size=24_000,
  layers=24,
  width=512,
  heads=8,
  kv_heads=2,
  head_size=64,
  feed_forward=3072,
  max_positions=64,
)

_PROGRAM = """
import pathlib, sys
import jax, jax.numpy as jnp
from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.export import export
from gr_jax.generators.pretrained.load import load_params

def memory(name):
  for line in open("/proc/self/status"):
    if line.startswith(name):
      return 1024 * int(line.split()[1])

def from_now():
  pathlib.Path("/proc/self/clear_refs").write_text("5")

folder = pathlib.Path(sys.argv[1])
jax.jit(lambda x: x @ x)(jnp.ones((8, 8))).block_until_ready()
arrangement = read_arrangement(folder)
before = memory("VmRSS")
from_now()
params = load_params(folder, arrangement, dtype=None)
size = sum(x.nbytes for x in jax.tree.leaves(params))
print((memory("VmHWM") - before) / size)
from_now()
export(folder / "out", params, arrangement, shard_bytes=10**9)
print((memory("VmHWM") - before) / size)
"""


def write_sparse(folder, arrangement, code="BF16"):
  """A model whose weights are zeros that take no room on the disk."""
  header, at, width = {}, 0, {"BF16": 2, "F32": 4}[code]
  for tensor in tensors(arrangement):
    stop = at + width * math.prod(tensor.shape)
    header[tensor.name] = {
      "dtype": code,
      "shape": tensor.shape,
      "data_offsets": (at, stop),
    }
    at = stop
  text = json.dumps(header).encode()
  with (folder / "model.safetensors").open("wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    file.truncate(8 + len(text) + at)
  config = json.dumps(write_config(arrangement))
  (folder / "config.json").write_text(config)


def peaks(folder):
  """Peaks of loading and of exporting, the model's size being 1."""
  done = subprocess.run(
    [sys.executable, "-c", _PROGRAM, str(folder)],
    capture_output=True,
    text=True,
    check=True,
  )
  return [float(line) for line in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_small_model_is_never_there_twice(tmp_path):
  shapes = parameter_shapes(SMALL).values()
  whole = sum(map(math.prod, shapes))
  # A second copy of the largest parameter alone would break the bound.
  assert max(map(math.prod, shapes)) > (MOST - 1) * whole
  write_sparse(tmp_path, SMALL, "F32")
  loading, exporting = peaks(tmp_path)
  assert 0.95 < loading <= MOST
  assert 0.95 < exporting <= MOST


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_random_model_of_1_5_billion_is_never_there_twice(tmp_path):
  arrangement = PUBLISHED["Qwen2.5-1.5B"]
  write_sparse(tmp_path, arrangement)
  rng = np.random.default_rng(0)
  with (tmp_path / "model.safetensors").open("r+b") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    file.seek(8 + length)
    for tensor in tensors(arrangement):
      count = math.prod(tensor.shape)
      file.write(rng.integers(0, 2**14, count, np.uint16).tobytes())
  loading, exporting = peaks(tmp_path)
  print(f"loading {loading:.3f}, exporting {exporting:.3f} of the model")
  assert 0.95 < loading <= MOST
  assert 0.95 < exporting <= MOST
