"""Writes a decoder as the files that `transformers` loads, in a stream.

`config.json`, and safetensors in shards of bounded size. LoRA is merged and the
rows of new tokens are put into the table while they are written: a layer or a
few rows at a time lie in memory besides the parameters. Kernels in NVFP4 are
written in the form that `compressed-tensors` reads, see `packed_weights`.
"""

import dataclasses
import functools
import json
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gr_jax import atomic
from gr_jax.generators.pretrained.arrangement import Arrangement, write_config
from gr_jax.generators.pretrained.extended import NewTokens
from gr_jax.generators.pretrained.packed_weights import (
  not_packed,
  packed_table,
  parts_of,
)
from gr_jax.generators.pretrained.safetensors_file import FLOATS
from gr_jax.generators.pretrained.safetensors_writer import (
  CODES,
  SHARD_BYTES,
  write_safetensors,
)
from gr_jax.generators.pretrained.weights import (
  EMBEDDING,
  HEAD,
  Tensor,
  tensors,
)
from gr_jax.nn.flat_tree import flatten
from gr_jax.nn.layers import Lora
from gr_jax.nn.lora import ADAPTER, merged_kernel
from gr_jax.quantization.compressed_tensors import quantization_config
from gr_jax.quantization.qtensor import QTensor

_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_BLOCK = 8 * 2**20
# Copied where the model came from has them.
_COMPANIONS = (
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "generation_config.json",
  "chat_template.jinja",
)


def export(
  folder: pathlib.Path | str,
  params: Mapping,
  arrangement: Arrangement,
  *,
  new: NewTokens | None = None,
  lora: Lora | None = None,
  source: pathlib.Path | str | None = None,
  dtype: jax.typing.DTypeLike | None = None,
  shard_bytes: int = SHARD_BYTES,
) -> None:
  """Writes `config.json` and the weights into a folder.

  Args:
    folder: made if it is not there; weights that it has are replaced.
    params: the decoder's parameters, on devices of this process. `QTensor`s are
      in NVFP4 and `storable`, and LoRA is merged before.
    arrangement: the sizes that were read.
    new: the tokens with rows of their own, as the decoder has them.
    lora: as the decoder has it; it is merged.
    source: the folder that the model came from. What its `config.json` says
      beside the sizes is kept, and its tokenizer's files are copied.
    dtype: what the files hold; None = as the parameters. bfloat16 that was read
      as float32 is written bit for bit.
    shard_bytes: the most that one file holds, one tensor at least.

  Raises:
    ValueError: a parameter is of a type or format that the files do not know,
      or LoRA stands beside `QTensor`s.
  """
  folder = pathlib.Path(folder)
  folder.mkdir(parents=True, exist_ok=True)
  flat = flatten(params["params"])
  kind = np.dtype(dtype or flat[EMBEDDING].dtype)
  if kind not in FLOATS.values():
    raise ValueError(
      f"dtype is {kind}; use one of {', '.join(_NAMES.values())}."
    )
  rows = arrangement.vocab_size
  whole = dataclasses.replace(
    arrangement, vocab_size=new.vocab_size(rows) if new else rows
  )
  quantized = {path for path, x in flat.items() if isinstance(x, QTensor)}
  if quantized and any(path[-1] in ADAPTER for path in flat):
    raise ValueError(
      "a change of low rank stands beside kernels in NVFP4; merge it with "
      "merge_lora and quantize then."
    )
  table = list(tensors(whole))
  config = write_config(whole)
  if quantized:
    ignored = not_packed(table, quantized)
    config["quantization_config"] = quantization_config(ignored)
  table = list(packed_table(table, quantized))
  _write_config(folder, config, kind, source)
  parts = parts_of(flat, table)
  read = functools.partial(_pieces, parts, new=new, lora=lora)
  write_safetensors(folder, table, read, dtype=kind, shard_bytes=shard_bytes)


def _write_config(
  folder: pathlib.Path,
  said: Mapping[str, Any],
  kind: np.dtype,
  source: pathlib.Path | str | None,
) -> None:
  config = {}
  if source is not None:
    source = pathlib.Path(source)
    config = json.loads((source / "config.json").read_text())
    # What is written need not be what was read.
    config.pop("quantization_config", None)
    for name in _COMPANIONS:
      if (source / name).exists():
        shutil.copyfile(source / name, folder / name)
  name = _NAMES[CODES[kind]]
  config |= dict(said) | {"torch_dtype": name, "dtype": name}
  atomic.write_text(folder / "config.json", json.dumps(config, indent=2))


def _pieces(
  flat: Mapping[tuple[str, ...], jax.Array],
  tensor: Tensor,
  *,
  new: NewTokens | None,
  lora: Lora | None,
) -> Iterator[np.ndarray]:
  """Runs of rows of a tensor of the files, in order."""
  if tensor.path in (EMBEDDING, HEAD):
    table, more = flat[tensor.path], ("new_embedding",)
    axis = 0
    if tensor.path == HEAD:
      axis, more = 1, ("new_head",)
    rows = table.shape[axis]
    if new is None:
      yield from _rows(table, 0, rows, axis)
    else:
      yield from _rows(table, 0, new.first, axis)
      yield np.asarray(flat[more])
      yield from _rows(table, new.stop, rows, axis)
    return
  block = _cut(flat[tensor.path], tensor.start, tensor.block)
  above = (*tensor.path[:-2], "lora_a")
  if lora is not None and tensor.path[-1] == "kernel" and above in flat:
    a, b = flat[above], flat[*above[:-1], "lora_b"]
    layer, _, first = tensor.start
    change = (1, b.shape[1], tensor.block[2])
    block = merged_kernel(
      block,
      _cut(a, (layer, 0, 0), (1, *a.shape[1:])),
      _cut(b, (layer, 0, first), change),
      lora,
    )
  found = np.asarray(block)
  found = found[0] if tensor.layered else found
  yield found.T if tensor.transposed else found


def _rows(
  table: jax.Array, first: int, stop: int, axis: int
) -> Iterator[np.ndarray]:
  """Rows of a table `[V, D]`, or of `[D, V]` where `axis` is 1."""
  width = table.shape[1 - axis]
  step = max(1, _BLOCK // (width * table.dtype.itemsize))
  for at in range(first, stop, step):
    count = min(step, stop - at)
    start, size = (at, 0), (count, width)
    if axis:
      yield np.asarray(_cut(table, start[::-1], size[::-1])).T
    else:
      yield np.asarray(_cut(table, start, size))


@functools.partial(jax.jit, static_argnums=2)
def _cut(x: jax.Array, start: tuple, size: tuple[int, ...]) -> jax.Array:
  return jax.lax.dynamic_slice(x, start, size)
