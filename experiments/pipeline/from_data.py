"""Settings of a generator that the data decides where its recipe does not."""

import numpy as np
from ml_collections import ConfigDict

from gr_jax.data.requests import Requests
from gr_jax.text.vectors import training_baskets

BY_DATA = -1
NEIGHBOURS = 48


def settled(section: ConfigDict, requests: Requests) -> ConfigDict:
  """A generator section whose `transitions` are decided ([OURS]).

  A number of `neighbours` of -1 becomes 48 where users choose items one by one
  (`leads_to_single_items`), as then the sequence alone shows what goes
  together; 0 where they choose baskets, where the section has no counts or
  learns whole pages, as transitions need the first and are not learned by the
  second, and where it has candidates, which know what follows what.

  Args:
    section: a generator section; it may have `transitions`.
    requests: the requests of the run.
  """
  if section.get("transitions", {}).get("neighbours") != BY_DATA:
    return section
  section = ConfigDict(section.to_dict())
  task = section.get("task", "point_wise")
  reads = section.get("count_alpha") and task == "point_wise"
  reads = reads and not section.get("candidates", {}).get("size", 0)
  single = bool(reads) and leads_to_single_items(requests)
  section.transitions.neighbours = NEIGHBOURS if single else 0
  return section


def leads_to_single_items(requests: Requests) -> bool:
  """Whether more than half of the training baskets hold one item.

  A basket is what all requests of one user at one time led to
  (`training_baskets`): the searches of a shopping trip for one item each are no
  single items. Where times are positions, every event is a basket.
  """
  offsets, _ = training_baskets(requests, window=0)
  sizes = np.diff(offsets)
  return bool((sizes == 1).sum() * 2 > len(sizes))
