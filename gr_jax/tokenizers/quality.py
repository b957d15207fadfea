"""The quality of semantic IDs, measured without a recommender.

Every figure is one row `{"metric", "level", "value"}`; level 0 means the whole
ID, level l >= 1 the l-th code (or the prefix of l codes).
"""

import math
from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from gr_jax.data.row_lists import RowLists
from gr_jax.tokenizers import quantizers, semantic_ids
from gr_jax.tokenizers.semantic_ids import SemanticIds

Row = dict[str, str | int | float]


def _row(metric: str, level: int, value) -> Row:
  return {"metric": metric, "level": level, "value": float(value)}


def prefix_groups(ids: SemanticIds, *, level: int) -> np.ndarray:
  """`[N]` group number of each item: equal where the first codes are."""
  return semantic_ids.distinct_rows(
    ids.codes[:, :level], ids.level_sizes[:level]
  )[1]


def collision_rows(ids: SemanticIds) -> Iterator[Row]:
  """Distinct IDs, share of items that share theirs, items per ID.

  `utilization` is the share of all combinations of codes that name an item.
  """
  counts = np.diff(ids.item_offsets)
  yield _row("items", 0, len(ids))
  yield _row("ids", 0, ids.num_ids)
  yield _row("collision_rate", 0, counts[counts > 1].sum() / len(ids))
  yield _row("utilization", 0, ids.num_ids / math.prod(ids.level_sizes))
  yield _row("items_per_id", 0, len(ids) / ids.num_ids)
  for quantile in (0.5, 0.9, 0.99, 1.0):
    value = np.quantile(counts, quantile)
    yield _row(f"items_per_id_q{100 * quantile:g}", 0, value)


def code_rows(ids: SemanticIds) -> Iterator[Row]:
  """Codes used, perplexity and Gini coefficient of each level."""
  for l, size in enumerate(ids.level_sizes):
    codes = ids.codes[:, l]
    counts = np.bincount(codes[codes >= 0], minlength=size)
    counts = jnp.asarray(counts, jnp.float32)
    yield _row("codes_used", l + 1, jnp.sum(counts > 0))
    yield _row("perplexity", l + 1, quantizers.perplexity(counts))
    yield _row("gini", l + 1, quantizers.gini(counts))


def length_rows(ids: SemanticIds) -> Iterator[Row]:
  """Mean number of codes, and the share of items whose ID ends at a level.

  Nothing where all IDs have the same length.
  """
  lengths = (ids.codes >= 0).sum(axis=1)
  if (lengths == ids.num_levels).all():
    return
  yield _row("code_length", 0, lengths.mean())
  for level in range(1, ids.num_levels + 1):
    yield _row("ends_here", level, (lengths == level).mean())


def reconstruction_rows(
  vectors: np.ndarray, restored: np.ndarray
) -> Iterator[Row]:
  """`sum ||x - x^||^2 / sum ||x - mean||^2`: 0 exact, 1 as good as the mean."""
  gap = np.square(vectors - restored).sum(dtype=np.float64)
  spread = np.square(vectors - vectors.mean(0)).sum(dtype=np.float64)
  yield _row("reconstruction_error", 0, gap / max(spread, 1e-30))


def nearest_items(
  vectors: np.ndarray, rows: np.ndarray, *, count: int
) -> np.ndarray:
  """The `count` nearest other items `[R, count]` of some rows, unordered."""
  norms = np.square(vectors).sum(axis=1)
  found = []
  for part in np.array_split(rows, -(-len(rows) // 128)):
    distances = norms - 2.0 * (vectors[part] @ vectors.T)
    distances[np.arange(len(part)), part] = np.inf
    found.append(np.argpartition(distances, count - 1, axis=1)[:, :count])
  return np.concatenate(found)


def neighbourhood_rows(
  ids: SemanticIds,
  vectors: np.ndarray,
  *,
  sample: int = 1000,
  neighbours: int = 10,
  seed: int = 0,
) -> Iterator[Row]:
  """Share of an item's nearest neighbours that share its first l codes.

  `neighbours_in_prefix` beside `random_in_prefix`, what random items give.
  """
  count = min(neighbours, len(ids) - 1)
  if count < 1:
    return
  rng = np.random.default_rng(seed)
  rows = rng.choice(len(ids), min(sample, len(ids)), replace=False)
  near = nearest_items(vectors, rows, count=count)
  for level in range(1, ids.num_levels + 1):
    group = prefix_groups(ids, level=level)
    shared = group[near] == group[rows][:, None]
    sizes = np.bincount(group)[group]
    chance = (sizes - 1).mean() / (len(ids) - 1)
    yield _row("neighbours_in_prefix", level, shared.mean())
    yield _row("random_in_prefix", level, chance)


def purity_rows(ids: SemanticIds, categories: np.ndarray) -> Iterator[Row]:
  """Share of items in the commonest category of their prefix of l codes.

  Items of unknown category (-1) are left out.
  """
  known_mask = categories >= 0
  if not known_mask.any():
    return
  category = categories[known_mask].astype(np.int64)
  width = category.max() + 1
  for level in range(1, ids.num_levels + 1):
    group = prefix_groups(ids, level=level)[known_mask]
    pairs, counts = np.unique(group * width + category, return_counts=True)
    most = np.zeros(group.max() + 1, np.int64)
    np.maximum.at(most, pairs // width, counts)
    yield _row("category_purity", level, most.sum() / len(group))


def partner_rows(
  vectors: np.ndarray,
  partners: RowLists,
  *,
  sample: int = 1000,
  seed: int = 0,
) -> Iterator[Row]:
  """Share of items whose nearest other item is a partner, and that of chance.

  Nothing where no item has a partner.

  Args:
    vectors: `[N, D]`, of unit length where cosines are meant. Of items with the
      same content give one: they are nearest to each other in any case.
    partners: The other items that the same people take, of each item.
    sample: items with a partner that are looked up.
    seed: The seed of the sample.
  """
  with_partners = np.flatnonzero(partners.sizes)
  if not len(with_partners):
    return
  rng = np.random.default_rng(seed)
  rows = rng.choice(
    with_partners, min(sample, len(with_partners)), replace=False
  )
  near = nearest_items(vectors, rows, count=1)[:, 0]
  found = [near[at] in partners[row] for at, row in enumerate(rows)]
  chance = partners.sizes[rows].mean() / (len(vectors) - 1)
  yield _row("partner_recall@1", 0, np.mean(found))
  yield _row("random_partner_recall@1", 0, chance)


def report(
  ids: SemanticIds,
  *,
  vectors: np.ndarray,
  categories: np.ndarray | None = None,
  restored: np.ndarray | None = None,
  sample: int = 1000,
  seed: int = 0,
) -> list[Row]:
  """All figures of IDs and the vectors `[N, D]` that they came from.

  Args:
    ids: The semantic IDs of the catalogue.
    vectors: `[N, D]`, aligned with the items.
    categories: `[N]` int, -1 unknown; without them no purity.
    restored: `[N, D]` decoded vectors; without them no reconstruction error.
    sample: items whose neighbours are looked up.
    seed: The seed of the sample.
  """
  rows = [*collision_rows(ids), *code_rows(ids), *length_rows(ids)]
  rows += neighbourhood_rows(ids, vectors, sample=sample, seed=seed)
  if restored is not None:
    rows += reconstruction_rows(vectors, restored)
  if categories is not None:
    rows += purity_rows(ids, categories)
  return rows
