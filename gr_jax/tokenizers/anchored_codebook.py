"""Codebooks of frozen anchors and trainable extensions (ACRQ, 2.2).

    C_l^T = C_l^H u C_l^new,   |C_l^H| = M_l frozen,   |C_l^new| = M - M_l
    L_codebook,T = sum_{l <= k(x)} 1(q_l in C_l^new) ||sg[r_{l-1}] - q_l||^2

The first M_l rows of a level are its anchors.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.clustering.nearest import nearest_code, squared_distances
from gr_jax.tokenizers import codebooks as codebook_rules
from gr_jax.tokenizers import quantizers, rq_kmeans

Codebooks = codebook_rules.Codebooks


def codebook_loss(
  codebooks: Codebooks,
  quantized: quantizers.Quantized,
  *,
  anchors: Sequence[int],
) -> jax.Array:
  """`L_codebook,T` of a batch (its mean); no gradient reaches an anchor.

  Args:
    codebooks: per level `[C_l, D]`.
    quantized: codes `[B, L]`, -1 after an end, and residuals `[L, B, D]`.
    anchors: `M_l` per level.
  """
  total = jnp.zeros(())
  for l, (book, frozen) in enumerate(zip(codebooks, anchors, strict=True)):
    codes = quantized.codes[:, l]
    gap = jax.lax.stop_gradient(quantized.residuals[l]) - book[codes]
    trained_mask = codes >= frozen
    total += jnp.sum(jnp.where(trained_mask[:, None], jnp.square(gap), 0.0))
  return total / quantized.codes.shape[0]


@dataclasses.dataclass(frozen=True)
class AnchoredCodebook:
  """A codebook rule that moves extensions only.

  The rule is given the extensions as if they were all there is; rows that
  chose an anchor have no code there. Anchors stay bit for bit.

  Attributes:
    rule: moves the extensions.
    anchors: `M_l` per level.
  """

  rule: codebook_rules.CodebookRule
  anchors: tuple[int, ...]

  def init(self, codebooks: Codebooks, *, pinned: Any) -> Any:
    levels = self._open_levels(codebooks)
    return self.rule.init(
      self._extensions(codebooks),
      pinned=tuple(pinned[l][self.anchors[l] :] for l in levels),
    )

  def update(self, codebooks, memory, quantized, key):
    levels = self._open_levels(codebooks)
    if not levels:
      return codebooks, memory
    own = quantized.codes - jnp.asarray(self.anchors)
    picked = jnp.asarray(levels)
    moved, memory = self.rule.update(
      self._extensions(codebooks),
      memory,
      quantizers.Quantized(
        jnp.maximum(own, -1)[:, picked],
        quantized.quantized,
        quantized.residuals[picked],
        quantized.chosen[picked],
      ),
      key,
    )
    grown = list(codebooks)
    for l, extension in zip(levels, moved, strict=True):
      grown[l] = jnp.concatenate([codebooks[l][: self.anchors[l]], extension])
    return tuple(grown), memory

  def _open_levels(self, codebooks: Codebooks) -> list[int]:
    sizes = [book.shape[0] for book in codebooks]
    return [l for l, size in enumerate(sizes) if size > self.anchors[l]]

  def _extensions(self, codebooks: Codebooks) -> Codebooks:
    levels = self._open_levels(codebooks)
    return tuple(codebooks[l][self.anchors[l] :] for l in levels)


def extend(
  codebooks: Codebooks,
  latents: jax.Array,
  *,
  sizes: Sequence[int],
  cluster: rq_kmeans.Cluster,
  key: jax.Array,
) -> Codebooks:
  """Anchors with extensions behind them, `sizes[l]` rows a level.

  New rows start where the anchors fit least [OURS]: level by level,
  k-means of the half of the residuals that is farthest from its anchor.

  Args:
    codebooks: the anchors.
    latents: `[N, D]` tail items.
    sizes: `C_l`, anchors included.
    cluster: clusters the far half.
    key: The key of the clustering.

  Raises:
    ValueError: fewer latents than new rows of a level.
  """
  new = [size - len(book) for book, size in zip(codebooks, sizes, strict=True)]
  if max(new) > len(latents):
    raise ValueError(
      f"{len(latents)} tail items cannot start {max(new)} new codes; take "
      "smaller levels, larger head_levels or a smaller head_share."
    )
  residual, grown = latents, []
  keys = jax.random.split(key, len(new))
  for anchors, count, level_key in zip(codebooks, new, keys, strict=True):
    book = anchors
    if count:
      nearest = jnp.min(squared_distances(residual, anchors), axis=-1)
      far = jnp.argsort(-nearest)[: max(len(latents) // 2, count)]
      found = cluster(residual[far], num_clusters=count, key=level_key)
      book = jnp.concatenate([anchors, found.centroids])
    residual = residual - book[nearest_code(residual, book)]
    grown.append(book)
  return tuple(grown)
