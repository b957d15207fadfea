"""The rules that move the codebooks of an RQ-VAE: gradients or running means.

Both rules are frozen dataclasses with `init` and `update`; the rest of the
training step does not know which one it was given. A row whose code is -1 (its
ID ended before the level) moves nothing.
"""

import dataclasses
from typing import Any, Protocol, cast

import flax.struct
import jax
import jax.numpy as jnp
import optax

from gr_jax.tokenizers import quantizers

Codebooks = tuple[jax.Array, ...]


class CodebookRule(Protocol):
  """Moves codebooks after a batch was quantized with them."""

  def init(
    self, codebooks: Codebooks, *, pinned: tuple[jax.Array, ...]
  ) -> Any: ...

  def update(
    self,
    codebooks: Codebooks,
    memory: Any,
    quantized: quantizers.Quantized,
    key: jax.Array,
  ) -> tuple[Codebooks, Any]: ...


@dataclasses.dataclass(frozen=True)
class GradientCodebook:
  """Adam on `sum_l ||sg[r_l] - e_l||^2` (TIGER eq. 2).

  The straight-through decoder sends no gradient to the codebooks, so this
  term alone moves them. The gather's own transpose, a scatter-add, gives the
  gradient: on CPU it is 25 times cheaper than a one-hot product.
  """

  learning_rate: float = 1e-3

  def init(self, codebooks, *, pinned):
    del pinned
    return optax.adam(self.learning_rate).init(codebooks)

  def update(self, codebooks, memory, quantized, key):
    del key

    def loss(codebooks):
      chosen = jnp.stack(
        [
          quantizers.code_rows(book, quantized.codes[:, l])
          for l, book in enumerate(codebooks)
        ]
      )
      return quantizers.codebook_loss(quantized._replace(chosen=chosen))

    grads = jax.grad(loss)(codebooks)
    updates, memory = optax.adam(self.learning_rate).update(grads, memory)
    moved = optax.apply_updates(codebooks, updates)
    return cast(Codebooks, moved), memory


@flax.struct.dataclass
class EmaMemory:
  """Running statistics of one codebook.

  Attributes:
    cluster_size: `[C]` running mean of a code's uses per batch.
    embed_sum: `[C, D]` running mean of the sum of its residuals.
    pinned: `[C]` bool, rows that stand for something (a category) and are
      never given to another residual.
  """

  cluster_size: jax.Array
  embed_sum: jax.Array
  pinned: jax.Array


@dataclasses.dataclass(frozen=True)
class EmaCodebook:
  """Running means with Laplace smoothing and restart of dead codes.

      n <- d n + (1-d) count;  s <- d s + (1-d) sum of residuals
      e = s / ((n + eps) / (sum n + C eps) * sum n)

  A code whose size falls below `restart_below` times the mean size becomes a
  random residual of the batch (a share, not a count as in
  vector-quantize-pytorch, so that one value fits every batch and codebook
  size) [OURS].
  """

  decay: float = 0.99
  epsilon: float = 1e-5
  restart_below: float = 0.03

  def init(self, codebooks, *, pinned):
    # The copy lets a step donate the codebooks and their sums together.
    return tuple(
      EmaMemory(jnp.ones(book.shape[0]), jnp.copy(book), mask)
      for book, mask in zip(codebooks, pinned, strict=True)
    )

  def update(self, codebooks, memory, quantized, key):
    moved = []
    keys = jax.random.split(key, len(memory))
    for l, level in enumerate(memory):
      residuals, codes = quantized.residuals[l], quantized.codes[:, l]
      level = ema_update(level, residuals, codes, decay=self.decay)
      moved.append(
        restart_dead(
          level, residuals, keys[l], share=self.restart_below, where=codes >= 0
        )
      )
    means = tuple(ema_codebook(m, epsilon=self.epsilon) for m in moved)
    return means, tuple(moved)


def ema_update(
  memory: EmaMemory, residuals: jax.Array, codes: jax.Array, *, decay: float
) -> EmaMemory:
  """One batch, residuals `[B, D]` and codes `[B]`, into the running means."""
  size = memory.cluster_size.shape[0]
  places = jnp.where(codes < 0, size, codes)
  count = quantizers.code_counts(codes, num_codes=size)
  total = jnp.zeros_like(memory.embed_sum)
  total = total.at[places].add(residuals, mode="drop")
  return dataclasses.replace(
    memory,
    cluster_size=decay * memory.cluster_size + (1 - decay) * count,
    embed_sum=decay * memory.embed_sum + (1 - decay) * total,
  )


def smoothed_sizes(cluster_size: jax.Array, *, epsilon: float) -> jax.Array:
  """`(n + eps) / (sum n + C eps) * sum n` `[C]`; the total stays `sum n`."""
  total = jnp.sum(cluster_size)
  size = cluster_size.shape[0]
  return (cluster_size + epsilon) / (total + size * epsilon) * total


def ema_codebook(memory: EmaMemory, *, epsilon: float) -> jax.Array:
  """The rows `[C, D]` that the running means stand for."""
  sizes = smoothed_sizes(memory.cluster_size, epsilon=epsilon)
  return memory.embed_sum / sizes[:, None]


def restart_dead(
  memory: EmaMemory,
  residuals: jax.Array,
  key: jax.Array,
  *,
  share: float,
  where: jax.Array | None = None,
) -> EmaMemory:
  """Gives codes below `share` of the mean size a random row of `[B, D]`.

  Only rows `where` `[B]` are drawn (all by default); where there are none,
  nothing restarts.
  """
  size = memory.cluster_size
  threshold = share * jnp.mean(size)
  where = jnp.ones(residuals.shape[0], bool) if where is None else where
  ranks = jnp.cumsum(where)
  dead_mask = (size < threshold) & ~memory.pinned & (ranks[-1] > 0)
  drawn = jax.random.randint(key, size.shape, 0, jnp.maximum(ranks[-1], 1))
  # The row that is number `drawn` of those there are.
  rows = jnp.searchsorted(ranks, drawn, side="right")
  # A newcomer starts at the mean size, or it would die again before its
  # first use.
  start = jnp.mean(size)
  return dataclasses.replace(
    memory,
    cluster_size=jnp.where(dead_mask, start, size),
    embed_sum=jnp.where(
      dead_mask[:, None], start * residuals[rows], memory.embed_sum
    ),
  )
