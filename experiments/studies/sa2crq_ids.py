"""How a table of semantic IDs spreads a catalogue (the paper's table 2)."""

import numpy as np

from gr_jax.evaluation import metrics
from gr_jax.tokenizers.semantic_ids import SemanticIds

QUANTILES = (0.8, 0.9, 0.99, 0.999)


def id_figures(ids: SemanticIds, popularity: np.ndarray) -> dict:
  """Figures of a table.

    ids            distinct IDs
    items_per_id   their mean number of items
    quantiles      of that number, over IDs, at `QUANTILES`
    length_head    mean codes of an item that holds 80 % of the purchases
    length_tail    of the others
    ends_head      share of the head's items whose ID ends at each level
    ends_tail      of the others

  Args:
    ids: of the catalogue.
    popularity: `[N]` training interactions.
  """
  sizes = np.diff(ids.item_offsets)
  head = metrics.head_items(popularity)
  lengths = (ids.codes >= 0).sum(axis=1)
  return {
    "ids": ids.num_ids,
    "items_per_id": float(sizes.mean()),
    "quantiles": [float(q) for q in np.quantile(sizes, QUANTILES)],
    "largest": int(sizes.max()),
    "length_head": _mean(lengths[head]),
    "length_tail": _mean(lengths[~head]),
    "ends_head": _ends(lengths[head], ids.num_levels),
    "ends_tail": _ends(lengths[~head], ids.num_levels),
  }


def mean_figures(seeds: list[dict]) -> dict:
  """Means of `id_figures` over seeds; tables of one arm have equal levels."""
  return {
    name: np.mean([one[name] for one in seeds], axis=0).round(4).tolist()
    for name in seeds[0]
    if len({np.shape(one[name]) for one in seeds}) == 1
  }


def _mean(lengths: np.ndarray) -> float:
  return float(lengths.mean()) if len(lengths) else 0.0


def _ends(lengths: np.ndarray, levels: int) -> list[float]:
  counts = np.bincount(lengths, minlength=levels + 1)[1:]
  return (counts / max(len(lengths), 1)).tolist()
