"""Items that come and go take part as candidates at once."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import traverse_util

from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.engine.engine import Engine
from tests.reference import tiny_tokenizers, trained_run
from tests.serving.conftest import BEAM, open_service, search_of

SIZE = 12


@pytest.fixture(scope="module")
def folder(shared, tmp_path_factory):
  directory = tmp_path_factory.mktemp("run") / "run"
  tiny_tokenizers.copy("rq_kmeans", shared, directory)
  trained_run.make(directory, candidates={"size": SIZE})
  return directory


def opened(folder, log) -> Service:
  """A service of a network that has learned to trust BM25 alone."""
  service = open_service(folder, log, max_batch=1)
  artefacts = service.serving.engine.artefacts
  names = artefacts.candidates.writer.names
  params = jax.device_get(artefacts.params["params"])  # On one device.
  flat = traverse_util.flatten_dict(params, sep="/")
  prior = "prior/candidates/"
  flat = {
    path: 0 * leaf if path.startswith(prior) else leaf
    for path, leaf in flat.items()
  }
  linear = 5.0 * (np.array(names) == "words_score")
  flat[f"{prior}linear"] = linear.astype(np.float32)
  params = {"params": traverse_util.unflatten_dict(flat, sep="/")}
  trusting = dataclasses.replace(artefacts, params=params)
  engine = Engine(trusting, service._searches, beams=(BEAM,), max_batch=1)
  service.serving = service.serving._replace(engine=engine)
  return service


@pytest.fixture
def service(folder, tmp_path):
  found = opened(folder, tmp_path)
  yield found
  found.close()


def first(service, query, **body) -> str:
  (answer,) = service.answer([search_of(query, k=1, **body)])
  return answer.items[0]["id"]


WORDS = ("zither", "quokka", "ottoman", "gazebo")


def test_what_is_added_is_found_by_its_own_words_until_it_is_removed(service):
  """A walk through additions and removals, checked after every step."""
  rng = np.random.default_rng(0)
  there: set[str] = set()
  removed = 0
  for step in range(10):
    word = str(rng.choice(WORDS))
    if word in there:
      service.change(ItemChange(remove=[word]))
      there.remove(word)
      removed += 1
    else:
      new = NewItem(word, f"a plain {word}", price=3.0 + step)
      service.change(ItemChange([new]))
      there.add(word)
    for each in WORDS:
      found = first(service, f"one {each}")
      assert (found == each) == (each in there), (step, each)
  assert removed == 5


def test_a_new_item_is_a_candidate_with_its_live_id(service):
  snapshot = service.serving.snapshot
  names = list(snapshot.candidates.writer.names)
  service.change(ItemChange([NewItem("zither", "a plain zither")]))
  grown = service.serving.snapshot
  assert snapshot.candidates.writer.num_items == 60
  assert grown.candidates.writer.num_items == 61
  inputs = service.serving.engine._inputs(
    [(search_of("zither"), grown.items.present)], grown
  )
  found = inputs.prompt[0].candidates
  assert found.codes.shape == (1, 1, SIZE, grown.items.semantic_ids.num_levels)
  mine = (found.codes[0, 0] == grown.items.semantic_ids.codes[60]).all(axis=1)
  assert mine.sum() == 1
  writer = grown.candidates.writer
  raw = found.features[0, 0, mine.argmax()] / writer.scale + writer.mean
  for name in ("query_count", "own", "windowed_score"):
    assert raw[names.index(name)] == pytest.approx(0, abs=1e-4), name
  # What its neighbours are, it is on average.
  counts = grown.items.popularity[:60]
  lent = grown.candidates.items.neighbours_of_new(60)
  popularity = np.log1p((lent @ counts)[0])
  assert raw[names.index("popularity")] == pytest.approx(popularity, abs=1e-3)
  assert raw[names.index("words_score")] > 0


def test_a_restart_knows_what_was_added(service, folder, tmp_path):
  service.change(ItemChange([NewItem("gazebo", "a plain gazebo")]))
  before = service.serving.snapshot.candidates.items.vectors[-1]
  service.close()
  again = opened(folder, tmp_path)
  assert first(again, "gazebo") == "gazebo"
  np.testing.assert_array_equal(
    again.serving.snapshot.candidates.items.vectors[-1], before
  )
  again.close()


def test_a_service_is_warm_and_answers_who_asks_nothing(service):
  service.warm()
  (answer,) = service.answer([search_of(None, k=3)])
  assert len(answer.items) == 3
