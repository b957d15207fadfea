"""Impressions: items that a page showed, and what became of them."""

from typing import NamedTuple

import numpy as np

from gr_jax.data.requests import CLICKED, Requests


class Impressions(NamedTuple):
  """Items of pages, one row each.

  Attributes:
    requests: `[n]` request rows.
    items: `[n]` catalogue rows.
    kinds: `[n]`, EXPOSED, CLICKED or ORDERED.
  """

  requests: np.ndarray
  items: np.ndarray
  kinds: np.ndarray

  @property
  def labels(self) -> np.ndarray:
    return self.kinds >= CLICKED


def page_impressions(
  requests: Requests,
  rows: np.ndarray,
  *,
  num_items: int,
  negatives: int = 0,
  seed: int = 0,
) -> Impressions:
  """Items shown on the pages of request `rows`, and random items besides.

  Raises:
    ValueError: where every row has the same label.
  """
  chosen = np.zeros(len(requests), bool)
  chosen[rows] = True
  request = requests.page_request
  kept = np.flatnonzero(chosen[request])
  request, item = request[kept], requests.page_item[kept]
  kind = requests.page_kind[kept]
  if negatives:
    rng = np.random.default_rng(seed)
    extra = np.repeat(request[kind >= CLICKED], negatives)
    request = np.concatenate((request, extra))
    item = np.concatenate((item, rng.integers(0, num_items, len(extra))))
    kind = np.concatenate((kind, np.zeros(len(extra), kind.dtype)))
  found = Impressions(request, item, kind)
  clicks = int(found.labels.sum())
  if clicks in (0, len(kind)):
    raise ValueError(
      f"{clicks} of {len(kind)} items on the pages were clicked; the "
      "preference model needs both kinds: set negatives to draw random items."
    )
  return found
