"""Which weights of a model are quantized, and the table that says so.

A kernel is, if it is wide enough and no part of its path is skipped. Its last
two axes are `[D, F]` as in `nn.Dense` and `nn.Conv`; those before them (layers,
places of a window) have a tensor scale each. Embeddings, heads, norms, biases
and changes of low rank stay as they are: they are few, read by rows, or what
training moves. A published model has a skip list of its own
(`diffusion.networks.skip_lists` has those of flow models).
"""

import dataclasses
import fnmatch
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gr_jax.quantization.formats import Format
from gr_jax.quantization.modes import format_of
from gr_jax.quantization.qtensor import QTensor, quantize_array

SKIPPED = ("*embed*", "*head*", "*norm*", "lora_*", "table*")
"""Patterns of parts of a path that are skipped where nobody says it."""


@dataclasses.dataclass(frozen=True)
class Policy:
  """Which leaves become `QTensor`s.

  Attributes:
    min_dim: the least `D` and `F` of a kernel.
    skip: patterns (`fnmatch`) of names; a leaf whose path has one stays. One
      with a slash is of whole paths, "params/out/*".
    names: the names of leaves that may be quantized.
    rest: the type of the floats that stay; None keeps theirs.
    wider_than: the larger of `D` and `F` of a kernel is more than this.
  """

  min_dim: int = 128
  skip: tuple[str, ...] = SKIPPED
  names: tuple[str, ...] = ("kernel",)
  rest: Any = None
  wider_than: int = 0

  def reason(self, path: Sequence[str], x: Any, block: int) -> str | None:
    """Why a leaf stays as it is; None for one that is quantized."""
    if path[-1] not in self.names:
      return f"no {' or '.join(self.names)}"
    for pattern in self.skip:
      found = ("/".join(path),) if "/" in pattern else path
      if fnmatch.filter(found, pattern):
        return f"skipped: {pattern}"
    if x.ndim < 2:
      return "one axis"
    contracted, features = x.shape[-2:]
    if min(contracted, features) < self.min_dim:
      return f"narrower than {self.min_dim}"
    if max(contracted, features) <= self.wider_than:
      return f"not wider than {self.wider_than}"
    if contracted % block:
      return f"{contracted} is no multiple of {block}"
    return None


class Decision(NamedTuple):
  """What became of a leaf.

  Attributes:
    path: the names on the way to it, with slashes.
    shape: its shape.
    reason: why it stays; None if it is quantized.
    before: its bytes.
    after: its bytes now.
  """

  path: str
  shape: tuple[int, ...]
  reason: str | None
  before: int
  after: int


def quantize_params(
  params: Mapping[str, Any], policy: Policy, mode: str
) -> dict[str, Any]:
  """The tree with a `QTensor` where the policy wants one.

  Each kind of kernel is compiled once; a leaf at a time is in memory twice.

  Args:
    params: unboxed parameters, or `{"params": ...}` with other collections.
    policy: which of them.
    mode: one of `modes.MODES`.

  Raises:
    ValueError: there is no such mode.
  """
  format = format_of(mode)

  def convert(path, x):
    if isinstance(x, QTensor) or not jnp.issubdtype(x.dtype, jnp.floating):
      return x
    if policy.reason(_names(path), x, format.block) is None:
      return _quantized(x, format)
    return x if policy.rest is None else x.astype(policy.rest)

  return jax.tree.map_with_path(convert, params, is_leaf=_is_whole)


@functools.partial(jax.jit, static_argnums=1)
def _quantized(x: jax.Array, format: Format) -> QTensor:
  return quantize_array(x, format)


def _is_whole(x: Any) -> bool:
  return isinstance(x, QTensor)


def _names(path) -> tuple[str, ...]:
  return tuple(str(getattr(part, "key", part)) for part in path)


def decisions(
  params: Mapping[str, Any],
  quantized: Mapping[str, Any],
  policy: Policy,
) -> list[Decision]:
  """What `quantize_params` did, leaf by leaf; shapes without arrays will do."""
  after = jax.tree.leaves_with_path(quantized, is_leaf=_is_whole)
  blocks = {now.format.block for _, now in after if isinstance(now, QTensor)}
  before = jax.tree.leaves(params, is_leaf=_is_whole)
  found = []
  for (path, now), then in zip(after, before):
    names = _names(path)
    reason = None
    if not isinstance(now, QTensor):
      reason = policy.reason(names, then, max(blocks, default=1))
      reason = reason or _unquantizable(then)
    path = "/".join(names)
    found.append(
      Decision(path, then.shape, reason, _nbytes(then), _nbytes(now))
    )
  return found


def _unquantizable(x: Any) -> str:
  """Why a leaf that the policy wants stays."""
  if not jnp.issubdtype(x.dtype, jnp.floating):
    return "no float"
  return "no multiple of the block"


def table(found: Sequence[Decision]) -> str:
  """Rows of text: the quantized leaves, then why others stay, then the sum."""
  rows = [("weights", "shape", "bytes", "now", "a weight")]
  quantized = [each for each in found if each.reason is None]
  for each in quantized:
    rows.append((each.path, _dims(each.shape), *_bytes([each])))
  kept: dict[str, list[Decision]] = {}
  for each in found:
    if each.reason is not None:
      kept.setdefault(each.reason, []).append(each)
  for reason, group in kept.items():
    name = f"as it was ({reason})"
    rows.append((name, f"{len(group)} arrays", *_bytes(group)))
  rows.append(("all quantized", f"{len(quantized)} arrays", *_bytes(quantized)))
  rows.append(("all", f"{len(found)} arrays", *_bytes(found)))
  widths = [max(map(len, column)) for column in zip(*rows)]
  return "\n".join(
    "  ".join(
      cell.ljust(width) if at < 2 else cell.rjust(width)
      for at, (cell, width) in enumerate(zip(row, widths))
    ).rstrip()
    for row in rows
  )


def _dims(shape: Sequence[int]) -> str:
  return " x ".join(map(str, shape))


def _bytes(group: Sequence[Decision]) -> tuple[str, str, str]:
  before = sum(each.before for each in group)
  after = sum(each.after for each in group)
  weights = sum(math.prod(each.shape) for each in group)
  return f"{before:,}", f"{after:,}", f"{after / max(weights, 1):.3f}"


def _nbytes(x: Any) -> int:
  if isinstance(x, QTensor):
    return x.nbytes
  return math.prod(x.shape) * x.dtype.itemsize
