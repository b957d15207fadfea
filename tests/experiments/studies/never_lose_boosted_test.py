"""Trees see what the model says of its beam, and the features of candidates."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.studies import never_lose_boosted as boosted
from experiments.studies.never_lose_blends import Counts
from gr_jax.data.requests import TEST, VALID
from tests.reference.untrained_run import made


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
  return made(tmp_path_factory.mktemp("run"))


def requests_of(stages, split):
  log = stages.data.requests
  drawn = draw_eval_requests(log, split=split, count=12, seed=0)
  return {one.kind: one for one in drawn}


@pytest.fixture(scope="module")
def rankers(stages):
  validation = list(requests_of(stages, VALID).values())
  counts = Counts(stages.data, validation)
  return boosted.BoostedRankers(stages, counts, batch_size=4)


def test_the_models_column_is_the_log_probability_of_its_beam(
  stages, rankers, monkeypatch
):
  monkeypatch.setattr(boosted, "_BEAM", 5)
  one = requests_of(stages, TEST)["personalised"]
  table = rankers._table(one)
  writer = stages.generator.writer
  found = rankers._retriever.search(*one.prompts(writer), beam_size=5)
  ids = stages.tokenized.semantic_ids.id_of_item
  owners, items, _ = table.candidates
  for owner, item, value in zip(owners, items, table.model[:, 0]):
    place = np.flatnonzero(found.ids[owner] == ids[item])
    if len(place):
      assert value == found.log_probs[owner, place[0]]
    else:
      assert np.isnan(value)
  assert np.isfinite(table.model).any()
  assert np.isnan(table.model).any()


def test_features_are_those_of_the_candidates_writer(stages, rankers):
  """A writer that gives each pair its own number."""

  def features(batch, pairs):
    rows = batch.requests[pairs.owners, 0]
    return (1000 * rows + pairs.items)[:, None]

  writer = SimpleNamespace(log=object(), features=features)
  one = requests_of(stages, TEST)["next_basket"]
  owners, items = np.array([0, 0, 2]), np.array([3, 5, 1])
  pairs = SimpleNamespace(owners=owners, items=items)
  found = boosted._described(writer, one, pairs, np.int64(60), 0)
  assert found[:, 0].tolist() == (1000 * one.rows[owners] + items).tolist()


def test_every_arm_ranks_every_request(stages, rankers):
  pytest.importorskip("sklearn")
  one = requests_of(stages, TEST)["personalised"]
  found = rankers.answers(requests_of(stages, VALID)["personalised"], one, k=7)
  assert tuple(found) == boosted.ARMS
  for items in found.values():
    assert items.shape == (len(one.rows), 7)
    assert all(len(set(row)) == 7 for row in items.tolist())
  # Without candidates there are no further features.
  np.testing.assert_array_equal(found["boosted"], found["boosted_all"])


def test_what_is_missing_is_said_in_a_line(monkeypatch):
  monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
  with pytest.raises(ModuleNotFoundError, match="pip install scikit-learn"):
    boosted.trees()
