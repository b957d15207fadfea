"""One table of the weights: where each tensor of a file lies in our tree.

A file has a tensor per layer, `[out, in]`; ours are stacked over layers,
`[layers, in, out]`, with q, k and v side by side.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator

import numpy as np

from gr_jax.generators.pretrained.arrangement import Arrangement
from gr_jax.nn.flat_tree import Path

EMBEDDING: Path = ("token_embedding",)
HEAD: Path = ("head", "dense", "kernel")
_BLOCKS: Path = ("transformer", "blocks")
# Files may have these; they say nothing that is not said elsewhere.
_IMPLIED = re.compile(r".*\.rotary_emb\.inv_freq")
_TIED_HEAD = "lm_head.weight"


@dataclasses.dataclass(frozen=True)
class Tensor:
  """A tensor of a file, and the block of a parameter that it is.

  Attributes:
    name: its name in the file.
    shape: its shape in the file.
    path: the parameter.
    start: the block's first index along each axis of the parameter.
    transposed: whether the block is the transpose.
    dtype: its type in the file; None = that of the model's weights.
  """

  name: str
  shape: tuple[int, ...]
  path: Path
  start: tuple[int, ...]
  transposed: bool = False
  dtype: np.dtype | None = None

  @property
  def layered(self) -> bool:
    """Whether the parameter has an axis of layers before those of the file."""
    return len(self.start) > len(self.shape)

  @property
  def block(self) -> tuple[int, ...]:
    """The shape of the block."""
    own = self.shape[::-1] if self.transposed else self.shape
    return (1, *own) if self.layered else own


def tensors(arrangement: Arrangement) -> Iterator[Tensor]:
  """Every tensor of a model, in the order of the files."""
  a = arrangement
  table = (a.vocab_size, a.width)
  yield Tensor("model.embed_tokens.weight", table, EMBEDDING, (0, 0))
  for layer in range(a.layers):
    yield from _layer(a, layer)
  norm = ("transformer", "norm", "scale")
  yield Tensor("model.norm.weight", (a.width,), norm, (0,))
  if not a.tied:
    yield Tensor(_TIED_HEAD, table, HEAD, (0, 0), transposed=True)


def parameter_shapes(arrangement: Arrangement) -> dict[Path, tuple[int, ...]]:
  """The shape of every parameter of a model."""
  return shapes_of(tensors(arrangement))


def shapes_of(table: Iterable[Tensor]) -> dict[Path, tuple[int, ...]]:
  """The shape of every parameter: the smallest that holds its blocks."""
  shapes: dict[Path, tuple[int, ...]] = {}
  for tensor in table:
    ends = [s + n for s, n in zip(tensor.start, tensor.block)]
    before = shapes.get(tensor.path, ends)
    shapes[tensor.path] = tuple(map(max, before, ends))
  return shapes


def is_implied(name: str, arrangement: Arrangement) -> bool:
  """Whether a file may have a tensor that is not in the table."""
  tied = arrangement.tied and name == _TIED_HEAD
  return tied or _IMPLIED.fullmatch(name) is not None


def _layer(a: Arrangement, layer: int) -> Iterator[Tensor]:
  here = f"model.layers.{layer}"
  queries, keys = a.heads * a.head_size, a.kv_heads * a.head_size
  qkv = (*_BLOCKS, "attention", "qkv", "dense")
  first = 0
  for part, size in (("q", queries), ("k", keys), ("v", keys)):
    name = f"{here}.self_attn.{part}_proj"
    yield Tensor(
      f"{name}.weight",
      (size, a.width),
      (*qkv, "kernel"),
      (layer, 0, first),
      transposed=True,
    )
    if a.qkv_bias:
      yield Tensor(f"{name}.bias", (size,), (*qkv, "bias"), (layer, first))
    first += size
  for name, ours, shape in (
    ("self_attn.o_proj", ("attention", "out"), (a.width, queries)),
    ("mlp.gate_proj", ("mlp", "gate"), (a.feed_forward, a.width)),
    ("mlp.up_proj", ("mlp", "up"), (a.feed_forward, a.width)),
    ("mlp.down_proj", ("mlp", "down"), (a.width, a.feed_forward)),
  ):
    yield Tensor(
      f"{here}.{name}.weight",
      shape,
      (*_BLOCKS, *ours, "dense", "kernel"),
      (layer, 0, 0),
      transposed=True,
    )
  for name, ours in (
    ("input_layernorm", "attention_norm"),
    ("post_attention_layernorm", "mlp_norm"),
  ):
    yield Tensor(
      f"{here}.{name}.weight",
      (a.width,),
      (*_BLOCKS, ours, "scale"),
      (layer, 0),
    )
