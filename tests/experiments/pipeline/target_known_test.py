import dataclasses
import itertools

import numpy as np
import pytest

from experiments.pipeline.point_wise import point_wise
from experiments.pipeline.target_known import (
  history_codes,
  target_known_shares,
)
from experiments.pipeline.untrained import count_variables
from gr_jax.data.requests import EXPOSED, TRAIN, VALID
from tests.reference import small_world, tasks


def parts(directory):
  config = tasks.section("point_wise")
  config.count_alpha = 1.0
  config.transitions = {"window": 1, "neighbours": 60, "last": 1}
  config.examples.update(batch_size=16, hidden_share=0.0)
  config.prompt.update(history=200, lookback=400)  # All that was bought.
  return tasks.untrained(config, directory)


def by_hand(requests, split, *, leave_out):
  """Targets, and those that some pair of neighbours in the log leads to."""
  known, asked = 0, 0
  held = requests.split != TRAIN
  ends = requests.user_offsets[1:].copy()
  np.minimum.at(ends, requests.user[held], requests.history_end[held])
  users = range(len(requests.user_ids))
  for row in np.flatnonzero(requests.split == split):
    user, end = requests.user[row], requests.history_end[row]
    history = requests.history(row)
    for target in requests.targets(row):
      found = False
      for other in users if len(history) else ():
        last = ends[other]
        if leave_out and other == user:
          last = min(last, end)
        log = requests.event_item[requests.user_offsets[other] : last].tolist()
        pairs = {*itertools.pairwise(log), *itertools.pairwise(log[::-1])}
        found |= (history[-1], target) in pairs
      known += found and target not in history
      asked += 1
  return known / asked


def test_shares_are_those_of_looking_at_every_pair(tmp_path):
  built = parts(tmp_path)
  requests = built.data.requests
  counts = count_variables(built.data, built.semantic_ids, built.section)
  found = target_known_shares(
    built, counts, point_wise(built).batches, targets=4000
  )
  valid = by_hand(requests, VALID, leave_out=False)
  train = by_hand(requests, TRAIN, leave_out=True)
  assert found["valid"] == pytest.approx(valid, abs=0.03)
  assert found["train"] == pytest.approx(train, abs=0.03)


def test_without_targets_in_validation_there_is_no_share_of_it(tmp_path):
  built = parts(tmp_path)
  requests = built.data.requests
  shown = np.where(
    requests.split[requests.page_request] == VALID, EXPOSED, requests.page_kind
  ).astype(np.int8)
  built = dataclasses.replace(
    built,
    data=dataclasses.replace(
      built.data, requests=dataclasses.replace(requests, page_kind=shown)
    ),
  )
  counts = count_variables(built.data, built.semantic_ids, built.section)
  found = target_known_shares(
    built, counts, point_wise(built).batches, targets=16
  )
  assert found.keys() == {"train"}


def test_the_codes_of_a_history_are_its_items(tmp_path):
  built = parts(tmp_path)
  rows = np.flatnonzero(small_world.shop().requests.split == VALID)[:4]
  prompt = built.writer.prompts(rows, shown=np.ones(len(rows), bool))
  found = history_codes(built, prompt)
  known = {tuple(codes) for codes in built.semantic_ids.codes.tolist()}
  there = prompt.mask[:, 1:]
  assert {tuple(codes) for codes in found[there].tolist()} <= known
  assert (found[~there] == -1).all()
