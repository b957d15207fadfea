"""How much data there is: items, users, requests of every split, what is new.

As JSON knows it, for reports.
"""

import datetime

import numpy as np

from gr_jax.data import request_lists, row_lists
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import TEST, TRAIN, VALID, Requests

SPLITS = {"train": TRAIN, "valid": VALID, "test": TEST}

# Smaller times count from the start of a log, not from 1970.
_SOONEST = datetime.datetime(1980, 1, 1, tzinfo=datetime.UTC).timestamp()


def data_statistics(catalogue: Catalogue, requests: Requests) -> dict:
  """Counts of the data, and the shares of the test that training never saw.

  Returns:
    items, users, events, queries: their numbers.
    splits: rows `{"split", "requests", "with_query", "without_query", "users",
      "targets", "first", "last"}`; `targets` are the items that were taken, and
      the dates ISO 8601, None where times are no dates.
    new_items: the share of the targets of the test that nobody took in the
      training period; None without targets.
    new_users: the share of the requests of the test whose user made none in the
      training period; None without requests.
  """
  test = np.flatnonzero(requests.split == TEST)
  targets = request_lists.targets(requests, test).rows
  known = np.unique(requests.user[requests.split == TRAIN])
  return {
    "items": len(catalogue),
    "users": len(requests.user_ids),
    "events": len(requests.event_item),
    "queries": len(requests.queries),
    "splits": [_split(requests, name) for name in SPLITS],
    "new_items": _share(catalogue.popularity[targets] == 0),
    "new_users": _share(~np.isin(requests.user[test], known)),
  }


def repeated(requests: Requests, rows: np.ndarray) -> float | None:
  """The share of the rows' targets that their user had before.

  None without targets, or where nobody had anything.
  """
  targets = request_lists.targets(requests, rows)
  seen = row_lists.distinct(request_lists.histories(requests, rows))
  if not len(targets.rows) or not len(seen.rows):
    return None
  return 1 - len(row_lists.without(targets, seen).rows) / len(targets.rows)


def _split(requests: Requests, name: str) -> dict:
  rows = np.flatnonzero(requests.split == SPLITS[name])
  times = requests.time[rows]
  with_query = int((requests.query[rows] >= 0).sum())
  return {
    "split": name,
    "requests": len(rows),
    "with_query": with_query,
    "without_query": len(rows) - with_query,
    "users": len(np.unique(requests.user[rows])),
    "targets": len(request_lists.targets(requests, rows).rows),
    "first": _date(requests, times, np.min),
    "last": _date(requests, times, np.max),
  }


def _date(requests: Requests, times: np.ndarray, end) -> str | None:
  if not len(times) or not requests.shared_clock or times.min() < _SOONEST:
    return None
  found = datetime.datetime.fromtimestamp(int(end(times)), datetime.UTC)
  return found.date().isoformat()


def _share(mask: np.ndarray) -> float | None:
  return float(mask.mean()) if len(mask) else None
