"""A split with cold items: some that nobody bought in the training period.

Shops add items every day, while the last items of a published split were mostly
bought before. Taking the training events of a random share of the items out
makes those cold: they stay in the catalogue, with their texts and categories,
and as targets of validation and test. `[OURS]`
"""

import dataclasses

import numpy as np

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import TRAIN, Requests
from gr_jax.data.row_lists import offsets_of
from gr_jax.data.training_period import event_counts, event_mask, page_mask


def draw_cold(num_items: int, *, share: float, seed: int = 0) -> np.ndarray:
  """`[N]` bool, True for a random `share` of the items.

  Raises:
    ValueError: a share that is not from 0 to below 1.
  """
  if not 0 <= share < 1:
    raise ValueError(
      f"the share of cold items is {share}; make it 0 or more and below 1."
    )
  cold = np.zeros(num_items, bool)
  rng = np.random.default_rng(seed)
  cold[rng.permutation(num_items)[: round(share * num_items)]] = True
  return cold


def make_cold(
  catalogue: Catalogue, requests: Requests, cold: np.ndarray
) -> tuple[Catalogue, Requests, np.ndarray]:
  """Takes items out of the training period.

  Their training events and their entries of training pages are gone, and so is
  a training request that led to nothing else: its query is not learned either.
  They have no popularity and, as prices come from what was paid, no value.

  Args:
    catalogue: The items.
    requests: The log.
    cold: `[N]` bool, the items.

  Returns:
    The catalogue, the log, and `[P]` bool, the entries of the log's pages that
    are left.
  """
  dropped = event_mask(requests) & cold[requests.event_item]
  events_before = offsets_of((~dropped).astype(np.int64))
  owner, trained = requests.page_request, requests.split == TRAIN
  entries = ~(trained[owner] & cold[requests.page_item])
  led_to = page_mask(requests)
  kept = ~_lost(owner[led_to], entries[led_to], num_requests=len(requests))
  entries &= kept[owner]
  sizes = np.bincount(owner[entries], minlength=len(requests))[kept]
  of_events = {
    name: getattr(requests, name)[~dropped]
    for name in ("event_item", "event_time", "event_split", "event_action")
    if getattr(requests, name) is not None
  }
  of_requests = {
    name: getattr(requests, name)[kept]
    for name in ("user", "time", "query", "split", "own_item")
  }
  of_pages = {
    name: getattr(requests, name)[entries]
    for name in ("page_item", "page_kind", "page_value")
  }
  log = dataclasses.replace(
    requests,
    user_offsets=events_before[requests.user_offsets],
    history_end=events_before[requests.history_end[kept]],
    page_offsets=offsets_of(sizes),
    **of_events,
    **of_requests,
    **of_pages,
  )
  counts = event_counts(log, num_items=len(catalogue))
  values = np.where(cold, np.float32(0), catalogue.values)
  catalogue = dataclasses.replace(
    catalogue, popularity=counts, values=values, free=catalogue.free & ~cold
  )
  return catalogue, log, entries


def _lost(
  owner: np.ndarray, kept: np.ndarray, *, num_requests: int
) -> np.ndarray:
  """`[R]` bool, requests that led to something, of which nothing is left."""
  before = np.bincount(owner, minlength=num_requests)
  after = np.bincount(owner[kept], minlength=num_requests)
  return (before > 0) & (after == 0)
