import dataclasses
import pathlib

import numpy as np
import pytest

from experiments.pipeline.baseline_rankings import Baselines
from experiments.pipeline.embed import Vectors
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.evaluation.baselines import ease
from tests.reference.small_world import shop

KNN = {"windows": (3, 1), "lasts": (10, 20), "ridges": (5.0, 50.0)}


@pytest.fixture(scope="module")
def rankings(tmp_path_factory):
  """`{(kind, seen): {baseline: [R, 10]}}` and the requests by kind."""
  artefact = Artefact(tmp_path_factory.mktemp("run"), "", 0.0)
  world = shop()
  vectors = Vectors(world.items.x, world.query_x, artefact)
  data = Data(world.catalogue, world.requests, artefact)
  valid = draw_eval_requests(world.requests, split=VALID, count=12, seed=0)
  baselines = Baselines(data, vectors, validation=valid, **KNN)
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
    expected = {"popularity", "nearest"}
    if part.shows_history:
      expected |= {"repeat", "item_knn", "ease", "nearest_history"}
    if part.has_query:
      expected |= {"query_counts", "bm25"}
    if part.shows_history and part.has_query:
      expected |= {"query_history_counts", "nearest_both"}
    assert set(baselines) == expected


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
  choices = ({"requests": "next_basket", "setting": "step=1"},)

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
    Baselines(data, vectors, validation=[], trained=rankers, **KNN)
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


def test_what_is_too_large_is_left_out_and_said(monkeypatch):
  plain = Baselines(*_world(shop().requests), validation=[], **KNN)
  assert plain.left_out == []
  monkeypatch.setattr(ease, "LARGEST", 5)
  baselines = Baselines(*_world(shop().requests), validation=[], **KNN)
  assert [row["system"] for row in baselines.left_out] == ["ease"]
  *_, last = draw_eval_requests(shop().requests, split=TEST, count=3, seed=0)
  found = dict(baselines.rank(last, k=5, exclude=None))
  assert "item_knn" in found
  assert "ease" not in found
  off = Baselines(
    *_world(shop().requests), validation=[], **KNN | {"ridges": ()}
  )
  assert "ease" not in dict(off.rank(last, k=5, exclude=None))
  assert off.left_out == []


def test_choices_of_trained_rankers_stand_with_the_others():
  trained = {"sasrec": Backwards("history")}
  baselines = Baselines(
    *_world(shop().requests), validation=[], trained=trained, **KNN
  )
  assert baselines.choices == [{"system": "sasrec", **Backwards.choices[0]}]


def _world(requests):
  """The data and the vectors of the small shop with other requests."""
  artefact = Artefact(pathlib.Path("nowhere"), "", 0.0)
  world = shop()
  vectors = Vectors(world.items.x, world.query_x, artefact)
  return Data(world.catalogue, requests, artefact), vectors


@pytest.mark.parametrize("hidden", [(VALID,), (TEST,), (VALID, TEST)])
def test_what_held_out_requests_led_to_changes_no_ranking(hidden):
  """Neither their pages nor the events of their periods."""
  requests = shop().requests
  page_item, event_item = requests.page_item.copy(), requests.event_item.copy()
  late = np.isin(requests.split, hidden)
  page_item[late[requests.page_request]] = 0
  first = min(requests.time[requests.split == split].min() for split in hidden)
  event_item[requests.event_time >= first] = 0
  assert (page_item != requests.page_item).any()
  assert (event_item != requests.event_item).any()
  changed = dataclasses.replace(
    requests, page_item=page_item, event_item=event_item
  )
  both = [
    Baselines(*_world(table), validation=[], **KNN)
    for table in (requests, changed)
  ]
  for part in draw_eval_requests(requests, split=TEST, count=20, seed=0):
    plain, other = (dict(b.rank(part, k=60, exclude=None)) for b in both)
    for name, ranked in plain.items():
      np.testing.assert_array_equal(ranked, other[name], err_msg=name)


def test_what_training_requests_led_to_does_change_rankings():
  """So the test above can fail."""
  requests = shop().requests
  page_item = requests.page_item.copy()
  page_item[(requests.split == TRAIN)[requests.page_request]] = 0
  changed = dataclasses.replace(requests, page_item=page_item)
  both = [
    Baselines(*_world(table), validation=[], **KNN)
    for table in (requests, changed)
  ]
  part, *_ = draw_eval_requests(requests, split=TEST, count=20, seed=0)
  plain, other = (dict(b.rank(part, k=60, exclude=None)) for b in both)
  assert (plain["query_counts"] != other["query_counts"]).any()


def test_settings_are_chosen_without_the_test_period():
  requests = shop().requests
  page_item = requests.page_item.copy()
  page_item[(requests.split == TEST)[requests.page_request]] = 0
  changed = dataclasses.replace(requests, page_item=page_item)
  choices = []
  for table in (requests, changed):
    valid = draw_eval_requests(table, split=VALID, count=20, seed=0)
    baselines = Baselines(*_world(table), validation=valid, **KNN)
    choices.append(baselines.choices)
  assert choices[0] == choices[1]
  keys = {(row["system"], row["requests"]) for row in choices[0]}
  assert keys == {
    (system, kind)
    for system in ("repeat", "item_knn", "ease")
    for kind in ("personalised", "next_basket")
  }
  for system, kind in keys:
    rows = [
      row
      for row in choices[0]
      if (row["system"], row["requests"]) == (system, kind)
    ]
    assert sum(row["chosen"] for row in rows) == 1
  pairs = [row for row in choices[0] if row["system"] == "item_knn"]
  for kind in ("personalised", "next_basket"):
    assert [row["setting"] for row in pairs if row["requests"] == kind] == [
      f"window={window}, last={last}" for window in (3, 1) for last in (10, 20)
    ]
  settings = [row["setting"] for row in choices[0] if row["system"] == "repeat"]
  assert settings[0] == "tau=inf"


def test_rates_of_forgetting_are_shares_of_the_median_history():
  valid = draw_eval_requests(shop().requests, split=VALID, count=20, seed=0)
  baselines = Baselines(*_world(shop().requests), validation=valid, **KNN)
  settings = [
    float(row["setting"].removeprefix("tau="))
    for row in baselines.choices
    if (row["system"], row["requests"]) == ("repeat", "next_basket")
  ]
  oldest = [
    part.table.time[row] - part.table.event_time[start]
    for part in valid
    if part.shows_history
    for row in part.rows
    if (start := part.table.user_offsets[part.table.user[row]])
    < part.table.history_end[row]
  ]
  shares = np.array([np.inf, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 16])
  np.testing.assert_allclose(settings, shares * np.median(oldest), rtol=1e-3)
