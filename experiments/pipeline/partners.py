"""Items that the same people take, in a period ([OURS])."""

import numpy as np

from experiments.pipeline.from_data import leads_to_single_items
from gr_jax.data import row_lists, swing
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import CLICKED, TRAIN, Requests
from gr_jax.data.row_lists import RowLists
from gr_jax.text.vectors import training_baskets


def taken_together(requests: Requests, *, split: int = TRAIN) -> RowLists:
  """The items of a period that count as taken by one person.

  A user's, where users choose items one by one; else those of a basket, as in a
  year a household buys nearly everything.
  """
  single = leads_to_single_items(requests)
  if split == TRAIN:
    if single:
      return training_sequences(requests)
    return RowLists(*training_baskets(requests, window=0))
  request = requests.page_request
  there = (requests.split[request] == split) & (requests.page_kind >= CLICKED)
  owner = requests.user[request[there]].astype(np.int64)
  if not single:
    baskets = np.column_stack([owner, requests.time[request[there]]])
    owner = np.unique(baskets, axis=0, return_inverse=True)[1].reshape(-1)
  order = np.argsort(owner, kind="stable")
  sizes = np.bincount(owner, minlength=1)
  lists = RowLists(
    row_lists.offsets_of(sizes), requests.page_item[there][order]
  )
  return row_lists.distinct(lists)


def partners(requests: Requests, *, split: int, num_items: int) -> RowLists:
  """For each item the others with a Swing similarity to it in a period.

  It takes two people who took both.
  """
  found = swing.similarities(
    taken_together(requests, split=split), num_items=num_items
  )
  return RowLists(found.indptr.astype(np.int64), found.indices)
