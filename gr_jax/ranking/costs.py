r"""The multiply-adds of ULTRA-HSTU's network, counted from its sizes.

With `I = H h`, a layer over `S` places of width `D` costs

  5 S D I            products with weights: U, Q, K, V and the output
  2 I S c            scores and sums over `c` keys a place,

`c = S` with full attention and `c = (ceil((K1 - 1) / b) + 1) b + K2` by blocks,
whatever is masked of it: the count is that of what is computed, and grows with
`S` alone. Places of "cross" cost their `4 S D I` and no more. `T` targets cost
`5 T D I + 2 I T S + T I`, the last for each one's score of itself. Embeddings,
norms and SiLU multiply no matrices and are left out `[OURS]`.

Of the last layer's places only keys and values are read. XLA drops the rest of
them where it unrolls the loop over layers; here they count.
"""

import dataclasses

from gr_jax.nn.semi_local_attention import SemiLocal
from gr_jax.ranking.transducer import TransducerConfig
from gr_jax.ranking.ultra_hstu import UltraHSTUConfig


@dataclasses.dataclass(frozen=True)
class MultiplyAdds:
  """Multiply-adds of a row of places.

  Attributes:
    history: those of its places, once a user where states are kept.
    targets: those of its targets.
  """

  history: int
  targets: int

  @property
  def total(self) -> int:
    """A whole forward pass; a step of training costs three times as much."""
    return self.history + self.targets


def multiply_adds(
  config: UltraHSTUConfig, *, places: int, targets: int, kept: int | None = None
) -> MultiplyAdds:
  """The multiply-adds of a row, forward.

  Every stream is taken to have rows of this size.

  Args:
    config: the sizes of the network.
    places: `S` of a row as `History` has them; interleaved events make two.
    targets: `T` of a row.
    kept: `S'` places that truncation keeps; None = all.

  Raises:
    ValueError: a size is negative.
  """
  late = places if kept is None else kept
  for name, size in (("places", places), ("targets", targets), ("kept", late)):
    if size < 0:
      raise ValueError(f"{name} ({size}) must not be negative.")
  history = found = 0
  each = config.each
  for layers, length in (
    (config.early.layers, places),
    (config.late_layers, late),
  ):
    history += layers * _of_places(config.early, length, each=each)
    found += layers * _of_targets(config.early, each * length, targets)
  logits = config.tasks * targets * config.early.width
  return MultiplyAdds(
    config.streams * history, config.streams * (found + logits)
  )


def keys_read(config: TransducerConfig, places: int, *, each: int = 1) -> int:
  """`c`, the keys that a place is multiplied with.

  Args:
    config: the sizes of a layer, in events.
    places: `S` of the row, in events.
    each: the places of an event.
  """
  if config.attention == "cross":
    return 0
  if config.attention == "full":
    return each * places
  # Blocks, windows and prefixes count events, which have `each` places.
  sizes = SemiLocal(
    *(each * n for n in (config.local, config.prefix, config.block))
  )
  return (sizes.before + 1) * sizes.block + sizes.prefix


def _of_places(config: TransducerConfig, places: int, *, each: int) -> int:
  inner, count = config.heads * config.head_size, each * places
  products = 4 if config.attention == "cross" else 5
  read = keys_read(config, places, each=each)
  return count * inner * (products * config.width + 2 * read)


def _of_targets(config: TransducerConfig, places: int, targets: int) -> int:
  inner = config.heads * config.head_size
  return targets * inner * (5 * config.width + 2 * places + 1)
