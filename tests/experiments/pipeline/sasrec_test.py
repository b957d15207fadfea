import dataclasses
import json

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline import sasrec
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.sasrec import train_sasrec
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tests.reference.small_world import shop
from tests.reference.tasks import data

CONFIG = {
  "precision": "float32",
  "dropout": 0.1,
  "requests": 30,
  "model": {"layers": 1, "width": 16, "heads": 2, "kv_heads": 2}
  | {"head_size": 8, "feed_forward": 24},
  "training": {"length": 6, "batch_size": 4, "negatives": 20}
  | {"steps": 6, "validations": 2, "seed": 0},
  "optimizer": {"learning_rate": 1e-2},
}


def trained(directory, requests=None, config=CONFIG):
  world = data(directory)
  if requests is not None:
    world = dataclasses.replace(world, requests=requests)
  one = make_mesh(MeshConfig(), jax.devices()[:1])
  return train_sasrec(ConfigDict(config), directory, world, one)


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
  directory = tmp_path_factory.mktemp("run")
  return trained(directory), directory


def parts():
  """Test requests of every kind that shows histories."""
  drawn = draw_eval_requests(shop().requests, split=TEST, count=12, seed=0)
  return [part for part in drawn if part.shows_history]


def test_it_ranks_as_baselines_do(ranker):
  for part in parts():
    for exclude in (None, part.seen):
      ranked = ranker[0].rank(part, k=10, exclude=exclude)
      assert ranked.shape == (len(part.rows), 10)
      assert ranked.dtype == np.int32
      for r, row in enumerate(ranked):
        assert len(set(row.tolist())) == 10
        if exclude is not None:
          assert not set(row.tolist()) & set(exclude[r].tolist())


def test_a_second_call_reads_the_same_model(ranker, monkeypatch):
  first, directory = ranker
  monkeypatch.setattr(sasrec.sasrec_training, "fit", None)
  second = trained(directory)
  assert second.choices == first.choices
  for part in parts():
    np.testing.assert_array_equal(
      first.rank(part, k=10, exclude=None),
      second.rank(part, k=10, exclude=None),
    )


def test_the_validated_steps_are_recorded(ranker):
  rows = ranker[0].choices
  assert [row["setting"] for row in rows] == ["step=3", "step=6"]
  assert sum(row["chosen"] for row in rows) == 1
  assert {row["requests"] for row in rows} == {"next_basket"}
  assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
  best = max(rows, key=lambda row: row["value"])
  assert best["chosen"]
  history = json.loads((ranker[1] / "sasrec" / "history.json").read_text())
  assert history[-1]["step"] == 6


def test_the_test_period_changes_nothing(ranker, tmp_path):
  requests = shop().requests
  page_item, event_item = requests.page_item.copy(), requests.event_item.copy()
  late = requests.split == TEST
  page_item[late[requests.page_request]] = 0
  event_item[requests.event_time >= requests.time[late].min()] = 0
  changed = dataclasses.replace(
    requests, page_item=page_item, event_item=event_item
  )
  other = trained(tmp_path, changed)
  assert other.choices == ranker[0].choices
  np.testing.assert_array_equal(
    other.fitted.params["params"]["items"],
    ranker[0].fitted.params["params"]["items"],
  )


def test_without_steps_or_histories_there_is_none(tmp_path):
  config = ConfigDict(CONFIG)
  config.training.steps = 0
  assert trained(tmp_path, config=config) is None
  requests = shop().requests
  nothing = dataclasses.replace(
    requests,
    user_offsets=np.zeros_like(requests.user_offsets),
    event_item=requests.event_item[:0],
    event_time=requests.event_time[:0],
    event_action=None,
    history_end=np.zeros_like(requests.history_end),
  )
  assert trained(tmp_path, nothing) is None


def test_without_validation_the_last_step_is_taken(tmp_path):
  requests = shop().requests
  split = np.where(requests.split == TEST, TEST, TRAIN).astype(np.int8)
  all_train = dataclasses.replace(requests, split=split)
  ranker = trained(tmp_path, all_train)
  assert ranker.choices == []
