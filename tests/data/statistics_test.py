import dataclasses

import numpy as np

from gr_jax.data import statistics
from gr_jax.data.requests import TEST, TRAIN
from tests.reference.small_world import shop


def test_every_request_is_in_one_split_and_of_one_kind():
  world = shop()
  found = statistics.data_statistics(world.catalogue, world.requests)
  assert found["items"] == len(world.catalogue)
  assert sum(row["requests"] for row in found["splits"]) == len(world.requests)
  for row in found["splits"]:
    rows = np.flatnonzero(
      world.requests.split == statistics.SPLITS[row["split"]]
    )
    assert row["with_query"] + row["without_query"] == row["requests"]
    assert row["users"] == len(set(world.requests.user[rows]))
    assert row["targets"] == sum(
      len(world.requests.targets(r)) for r in rows.tolist()
    )


def test_new_is_what_training_never_saw():
  world = shop()
  requests, catalogue = world.requests, world.catalogue
  test = np.flatnonzero(requests.split == TEST)
  unseen = dataclasses.replace(
    catalogue, popularity=np.zeros_like(catalogue.popularity)
  )
  assert statistics.data_statistics(unseen, requests)["new_items"] == 1.0
  found = statistics.data_statistics(catalogue, requests)
  trained = set(requests.user[requests.split == TRAIN])
  new = [user not in trained for user in requests.user[test]]
  assert found["new_users"] == np.mean(new)


def test_dates_are_given_where_times_are_dates():
  catalogue, requests = shop().catalogue, shop().requests
  first, *_, last = statistics.data_statistics(catalogue, requests)["splits"]
  when = np.datetime64(int(requests.time.min()), "s")
  assert first["first"] == str(when.astype("datetime64[D]"))
  assert first["first"] <= first["last"] <= last["first"] <= last["last"]
  start = min(requests.time.min(), requests.event_time.min())
  from_zero = dataclasses.replace(
    requests,
    time=requests.time - start,
    event_time=requests.event_time - start,
  )
  positions = dataclasses.replace(requests, shared_clock=False)
  for undated in (from_zero, positions):
    found = statistics.data_statistics(catalogue, undated)
    assert {row["first"] for row in found["splits"]} == {None}


def test_the_share_of_repeats_counts_targets_that_the_user_had():
  requests = shop().requests
  rows = np.flatnonzero(requests.split == TEST)
  had = [
    item in set(requests.history(r).tolist())
    for r in rows.tolist()
    for item in requests.targets(r).tolist()
  ]
  assert np.isclose(statistics.repeated(requests, rows), np.mean(had))
  assert statistics.repeated(requests, rows[:0]) is None
