import pathlib

import numpy as np
import pytest

from experiments.pipeline.baseline_rankings import Baselines
from experiments.pipeline.embed import Vectors
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact
from gr_jax.data.requests import TEST
from tests.reference.small_world import shop


@pytest.fixture(scope="module")
def rankings(tmp_path_factory):
  """`{(kind, seen): {baseline: [R, 10]}}` and the requests by kind."""
  artefact = Artefact(tmp_path_factory.mktemp("run"), "", 0.0)
  world = shop()
  vectors = Vectors(world.items.x, world.query_x, artefact)
  data = Data(world.catalogue, world.requests, artefact)
  baselines = Baselines(data, vectors, window=3, last=10)
  requests = draw_eval_requests(world.requests, split=TEST, count=12, seed=0)
  found = {
    (part.kind, seen): dict(
      baselines.rank(part, k=10, exclude=part.seen if seen == "out" else None)
    )
    for part in requests
    for seen in ("kept", "out")
  }
  return found, {part.kind: part for part in requests}


def test_a_baseline_sees_what_the_generator_sees(rankings):
  found, requests = rankings
  for (kind, _), baselines in found.items():
    part = requests[kind]
    assert {"popularity", "nearest"} <= set(baselines)
    assert ({"repeat", "item_knn"} <= set(baselines)) == part.shows_history
    assert ("bm25" in baselines) == part.has_query


def test_every_request_has_a_row_of_every_baseline(rankings):
  found, requests = rankings
  for (kind, _), baselines in found.items():
    for ranked in baselines.values():
      assert ranked.shape == (len(requests[kind].rows), 10)


def test_seen_items_are_left_out_where_excluded(rankings):
  found, requests = rankings
  for kind, part in requests.items():
    for ranked in found[kind, "out"].values():
      for row, seen in zip(ranked, [part.seen[r] for r in range(len(ranked))]):
        assert not set(row[row >= 0].tolist()) & set(np.asarray(seen).tolist())


class Backwards:
  """In place of a trained ranker: the same items for everybody."""

  artefact = Artefact(pathlib.Path("backwards"), "", 0.0)

  def __init__(self, *needs):
    self.needs = needs

  def rank(self, requests, *, k, exclude):
    del exclude
    return np.tile(np.arange(k, dtype=np.int32), (len(requests.rows), 1))


def test_a_trained_ranker_stands_beside_the_kinds_that_show_what_it_needs(
  tmp_path,
):
  artefact = Artefact(tmp_path, "", 0.0)
  world = shop()
  vectors = Vectors(world.items.x, world.query_x, artefact)
  data = Data(world.catalogue, world.requests, artefact)
  trained = {"dpr": Backwards(), "sasrec": Backwards("history")}
  plain, more = (
    Baselines(data, vectors, window=3, last=10, trained=rankers)
    for rankers in ({}, trained)
  )
  for requests in draw_eval_requests(
    world.requests, split=TEST, count=3, seed=0
  ):
    without = dict(plain.rank(requests, k=5, exclude=None))
    found = dict(more.rank(requests, k=5, exclude=None))
    shown = {"dpr", "sasrec"} if requests.shows_history else {"dpr"}
    assert set(found) - set(without) == shown
    assert found["dpr"].shape == (len(requests.rows), 5)
