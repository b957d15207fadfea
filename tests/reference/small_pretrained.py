"""Small decoders in the files of Hugging Face, and read from them."""

import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

from gr_jax.generators.pretrained.arrangement import Arrangement, write_config
from gr_jax.nn.rotary import RopeScaling
from tests.reference.plain_llama import random_files

QWEN = Arrangement(
  "qwen2",
  vocab_size=40,
  layers=3,
  width=16,
  heads=4,
  kv_heads=2,
  head_size=4,
  feed_forward=24,
  max_positions=64,
  rope_theta=1000.0,
  tied=True,
)
LLAMA = Arrangement(
  "llama",
  vocab_size=36,
  layers=2,
  width=16,
  heads=4,
  kv_heads=1,
  head_size=8,
  feed_forward=24,
  max_positions=64,
  rope_theta=500.0,
  rope_scaling=RopeScaling(4.0, 1.0, 4.0, 16),
  norm_epsilon=1e-3,
)


def write_model(
  folder: pathlib.Path, arrangement: Arrangement, *, seed=0, dtype=np.float32
) -> dict[str, np.ndarray]:
  """Writes a model in one file; returns its tensors."""
  files = random_files(arrangement, seed, dtype)
  folder.mkdir(parents=True, exist_ok=True)
  config = json.dumps(write_config(arrangement))
  (folder / "config.json").write_text(config)
  save_file(files, folder / "model.safetensors")
  return files


def shard(folder: pathlib.Path, files: dict[str, np.ndarray]) -> None:
  """Writes the same tensors in two files and an index."""
  (folder / "model.safetensors").unlink(missing_ok=True)
  names = sorted(files)
  placed = {}
  for number, part in enumerate((names[::2], names[1::2]), 1):
    file = f"model-{number:05}-of-00002.safetensors"
    save_file({name: files[name] for name in part}, folder / file)
    placed |= dict.fromkeys(part, file)
  (folder / "model.safetensors.index.json").write_text(
    json.dumps({"metadata": {}, "weight_map": placed})
  )
