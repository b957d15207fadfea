"""The engine answers as the retriever that evaluation uses."""

import collections
import dataclasses
import itertools

import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.decoding.beams import SearchResult
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.priors.transition_prior import TransitionPrior
from gr_jax.parallel.mesh import MeshConfig
from gr_jax.retrieval.compiled_search import CompiledSearches
from gr_jax.retrieval.item_search import load
from gr_jax.retrieval.items_of_ids import expand_items, fully_seen_ids
from gr_jax.retrieval.load import load_artefacts
from gr_jax.retrieval.retriever import Retriever
from gr_jax.serving.catalogue.generation import ServiceConfig
from gr_jax.serving.catalogue.items import NewItem, catalogue_items
from gr_jax.serving.catalogue.snapshot import first_snapshot
from gr_jax.serving.engine.engine import Engine, bucket_sizes
from gr_jax.serving.engine.prompting import write_prompts
from gr_jax.serving.requests import Invalid, SearchRequest
from tests.reference.noisy import noisy
from tests.serving.conftest import BEAM, PROGRAMS

# Of the same capacity as other tests' services: their programs serve here.
ROOM = 64
FILTERS = (
  {},
  {"exclude": ["B0", "B7", "nobody"]},
  {"price": {"min": 2, "max": 3}},
  {"categories": ["KITCHEN > PLATES"]},
  {"in_stock": True},
  {"in_stock": True, "price": {"min": 4}, "categories": ["KITCHEN > CUPS"]},
  {"exclude": [f"B{i}" for i in range(59)]},
)


@pytest.fixture(scope="module")
def artefacts(run):
  return load_artefacts(run)


@pytest.fixture(scope="module")
def searches():
  return CompiledSearches(PROGRAMS)


@pytest.fixture(scope="module")
def engine(artefacts, searches):
  return Engine(artefacts, searches, beams=(BEAM,), max_batch=4)


@pytest.fixture(scope="module")
def snapshot(artefacts):
  """The catalogue of the run; every fifth item is out of stock."""
  ids = artefacts.semantic_ids
  items = catalogue_items(artefacts.catalogue, ids)
  first = first_snapshot(
    items, capacity=ids.num_ids + ROOM, count_alpha=artefacts.count_alpha
  )
  stock = {item_id: False for item_id in items.item_ids[::5]}
  return first.changed(items.with_stock(stock))


@pytest.fixture(scope="module")
def retriever(artefacts):
  """Over a trie of the run's IDs, built at once and of no larger capacity."""
  ids, variables = artefacts.semantic_ids, artefacts.params
  if alpha := artefacts.count_alpha:
    counts = count_catalogue(ids, artefacts.catalogue.popularity, alpha=alpha)
    variables = variables | {"counts": {"catalogue": counts}}
  return Retriever(artefacts.model, variables, ids, batch_size=1)


def reference(retriever, artefacts, snapshot, request):
  """`(item, score)` as evaluation ranks them."""
  items, ids = snapshot.items, snapshot.items.semantic_ids
  prompt, queries = write_prompts(
    [request], items, artefacts.vocabulary, artefacts.prompt
  )
  hidden = [np.flatnonzero(~snapshot.passing(request.filters))]
  excluded = fully_seen_ids(hidden, ids)
  found = retriever.search(prompt, queries, beam_size=BEAM, excluded=excluded)
  (rows,) = expand_items(
    found.ids, ids, items.popularity, k=request.k, seen=hidden
  )
  score = dict(zip(found.ids[0].tolist(), found.log_probs[0].tolist()))
  return [
    (items.item_ids[row], score[int(ids.id_of_item[row])])
    for row in rows
    if row >= 0
  ]


def same(answer, wanted):
  assert [item["id"] for item in answer.items] == [name for name, _ in wanted]
  np.testing.assert_allclose(
    [item["score"] for item in answer.items],
    [score for _, score in wanted],
    atol=1e-3,
  )


@pytest.mark.parametrize("filters", FILTERS)
def test_items_order_and_scores_are_the_retrievers(
  engine, retriever, artefacts, snapshot, search_of, filters
):
  for query, body in (("red cup", {}), (None, {"history": ["B3", "B9"]})):
    request = search_of(query, filters=filters, k=60, **body)
    (answer,) = engine.answer([request], snapshot)
    wanted = reference(retriever, artefacts, snapshot, request)
    assert len(wanted) == snapshot.passing(request.filters).sum()
    same(answer, wanted)


def test_transitions_are_read_as_in_evaluation(artefacts, searches, search_of):
  """And also in a catalogue that has grown since."""
  ids, width = artefacts.semantic_ids, artefacts.model.config.width
  rows = np.arange(len(ids))
  transitions = count_transitions(
    ids, rows, rows // 20, window=3, neighbours=8, last=4
  )
  prior = TransitionPrior(ids.num_levels, width, transitions.last)
  history = np.full((1, 2, ids.num_levels), -1)
  variables = prior.init(
    jax.random.key(0), history, transitions, method="start"
  )
  inner = dict(artefacts.params["params"])
  inner["prior"] = inner["prior"] | {
    "transitions": noisy(nn.unbox(variables)["params"])
  }
  artefacts = dataclasses.replace(
    artefacts, params={"params": inner}, transitions=transitions
  )
  snapshot = first_snapshot(
    catalogue_items(artefacts.catalogue, ids),
    capacity=ids.num_ids + ROOM,
    count_alpha=artefacts.count_alpha,
    transitions=transitions,
  )
  counts = count_catalogue(
    ids, artefacts.catalogue.popularity, alpha=artefacts.count_alpha
  )
  counts = {"counts": {"catalogue": counts, "transitions": transitions}}
  retriever = Retriever(
    artefacts.model, artefacts.params | counts, ids, batch_size=1
  )
  engine = Engine(artefacts, searches, beams=(BEAM,), max_batch=1)
  request = search_of(None, k=60, history=["B3", "B9"])
  wanted = reference(retriever, artefacts, snapshot, request)
  (answer,) = engine.answer([request], snapshot)
  same(answer, wanted)
  codes = np.zeros((1, ids.num_levels), np.int32)  # IDs after it move.
  codes[0, -1] = ids.level_sizes[-1] - 1
  grown = snapshot.items.with_facts([NewItem("N1", "cup")], codes)
  (answer,) = engine.answer([request], snapshot.changed(grown))
  # The new item takes its share of all: a little, and from its prefix more.
  found = {item["id"]: item["score"] for item in answer.items}
  for name, score in wanted[:10]:
    assert found[name] == pytest.approx(score, abs=0.02)


def test_a_changed_catalogue_answers_as_one_built_anew(
  engine, artefacts, snapshot, search_of
):
  """Also where items share an ID, and where an ID's only item is gone."""
  items = snapshot.items
  new = [NewItem("N1", "cup"), NewItem("N2", "cup", price=2.5)]
  codes = items.semantic_ids.codes[[4, 4]].copy()
  codes[1, -1] = items.semantic_ids.level_sizes[-1] - 1
  items = items.with_facts(new, codes).without(["B0", "B11"])
  changed = snapshot.changed(items)
  anew = first_snapshot(
    items, capacity=snapshot.live.capacity, count_alpha=artefacts.count_alpha
  )
  for filters in FILTERS[:3]:
    request = search_of("cup", filters=filters, k=60)
    (answer,) = engine.answer([request], changed)
    (wanted,) = engine.answer([request], anew)
    assert answer.items == wanted.items
    names = [item["id"] for item in answer.items]
    assert "N2" in names
    assert not {"B0", "B11"} & set(names)
    if not filters:
      # The popular first: nobody bought the new one.
      assert names.index("N1") == names.index("B4") + 1
      assert len(names) == 60


def test_an_item_is_answered_as_the_catalogue_has_it(
  engine, snapshot, search_of
):
  request = search_of("cup", history=["B1", "y", "x", "y"], k=5)
  (answer,) = engine.answer([request], snapshot)
  items = snapshot.items
  for item in answer.items:
    record = items.record(items.row(item["id"]))
    assert item["semantic_id"] == record["semantic_id"]
    assert item["text"] == record["text"]
  assert len(answer.items) == 5
  assert answer.ignored == ["x", "y"]
  assert (answer.version, answer.batch) == (snapshot.version, 1)
  assert set(answer.milliseconds) == {"batch", "search"}


def test_words_that_nobody_trained_are_named(engine, snapshot, search_of):
  asked = [
    search_of("Plats zzz cup with zzz"),
    search_of("plate cup zzz"),
    search_of(None),
  ]
  read, known, basket = engine.answer(asked, snapshot)
  assert (read.unknown_words, read.read_as) == (["zzz"], {"plats": "plate"})
  assert (known.unknown_words, known.read_as) == (["zzz"], {})
  assert (basket.unknown_words, basket.read_as) == ([], {})


def test_a_word_is_answered_as_what_it_is_read_as(engine, snapshot, search_of):
  typed, known = engine.answer(
    [search_of("Plats"), search_of("plate")], snapshot
  )
  assert typed.items == known.items


def test_a_run_without_queries_refuses_them(
  artefacts, searches, snapshot, search_of
):
  words = dataclasses.replace(artefacts.vocabulary, words=())
  engine = Engine(
    dataclasses.replace(artefacts, vocabulary=words),
    searches,
    beams=(BEAM,),
    max_batch=4,
  )
  (found,) = engine.answer([search_of("cup")], snapshot)
  assert isinstance(found, Invalid)
  assert str(found).startswith("this run was trained without queries: ask for")


def test_what_does_not_fit_is_refused_in_its_place(engine, snapshot, search_of):
  bad = search_of(filters={"categories": ["GARDEN"]})
  found = engine.answer([bad, search_of(k=3), bad, search_of(k=2)], snapshot)
  assert [isinstance(each, Invalid) for each in found] == [
    True, False, True, False
  ]  # fmt: skip
  assert [len(found[1].items), len(found[3].items)] == [3, 2]
  assert found[1].batch == 2


def test_where_nothing_fits_nothing_is_searched(artefacts, snapshot, search_of):
  searches = CompiledSearches()
  engine = Engine(artefacts, searches, beams=(BEAM,), max_batch=4)
  bad = search_of(filters={"categories": ["GARDEN"]})
  found = engine.answer([bad, bad], snapshot)
  assert all(isinstance(each, Invalid) for each in found)
  assert len(searches) == 0


def test_after_the_warm_up_no_batch_compiles(
  engine, searches, snapshot, search_of
):
  engine.warm(snapshot)
  programs = len(searches)
  assert programs
  for size in range(1, 5):
    for filters in FILTERS[:2]:
      some = [search_of(k=1)] * (size - 1) + [search_of(filters=filters, k=1)]
      assert len(engine.answer(some, snapshot)) == size
  gone = snapshot.changed(snapshot.items.without(["B1"]))
  engine.answer([search_of()], gone)
  assert len(searches) == programs


class Nothing:
  """Searches that find nothing, and remember what they prepared."""

  def __init__(self, levels):
    self.prepared, self.levels = [], levels

  def prepare(self, model, beam, inputs):
    self.prepared.append((beam, len(inputs)))

  def __call__(self, model, beam, inputs):
    shape = len(inputs.prompt[1]), beam
    ids = np.full(shape, -1)
    codes = np.full((*shape, self.levels), -1)
    return SearchResult(ids, np.full(shape, -np.inf), codes)


def test_all_beams_that_follow_the_load_are_compiled_at_the_start(
  artefacts, snapshot
):
  searches = Nothing(artefacts.semantic_ids.num_levels)
  engine = Engine(
    artefacts, searches, beams=(20, 8), multiples=(0.5, 1, 1.6), max_batch=4
  )
  assert engine.adaptive == (10, 20, 32)
  engine.warm(snapshot)
  assert {beam for beam, _ in searches.prepared} == {8, 10, 20, 32}
  # On a CPU one program serves batches of all sizes.
  assert {programs for _, programs in searches.prepared} == {1}
  # The default is one of both, and compiled once for each kind of request.
  counts = collections.Counter(searches.prepared)
  assert len(set(counts.values())) == 1


def test_a_filter_without_effect_changes_no_answer(engine, snapshot, search_of):
  plain = engine.answer([search_of("blue", k=60)], snapshot)[0]
  nobody = {"exclude": ["nobody"]}
  masked = engine.answer([search_of("blue", k=60, filters=nobody)], snapshot)[0]
  same(masked, [(item["id"], item["score"]) for item in plain.items])


@hypothesis.given(st.integers(1, 2000))
def test_sizes_grow_to_the_largest_by_four_at_most(max_batch):
  sizes = bucket_sizes(max_batch)
  assert sizes[0] == 1
  assert sizes[-1] == max_batch
  for below, above in itertools.pairwise(sizes):
    assert below < above <= 4 * below


def test_a_version_is_not_of_the_engine(engine, snapshot, search_of):
  """Who still has the old one is answered from it."""
  gone = snapshot.changed(snapshot.items.without(["B1", "B2"]))
  old = engine.answer([search_of(k=60)], snapshot)[0]
  new = engine.answer([search_of(k=60)], gone)[0]
  assert len(old.items) == 60
  same(
    new,
    [
      (item["id"], item["score"])
      for item in old.items
      if item["id"] not in ("B1", "B2")
    ],
  )
  again = dataclasses.replace(snapshot, version=9)
  assert engine.answer([search_of()], again)[0].version == 9


def test_a_width_per_level_keeps_as_many_prefixes(
  artefacts, searches, engine, snapshot, search_of
):
  widths = (1, *[4] * (artefacts.semantic_ids.num_levels - 2), 8)
  narrow = Engine(artefacts, searches, beams=(widths,), max_batch=1)
  request = SearchRequest(widths, 8, "red cup")
  (found,) = narrow.answer([request], snapshot)
  (wide,) = engine.answer([search_of("red cup", k=60)], snapshot)
  score = {item["id"]: item["score"] for item in wide.items}
  assert found.items
  # All of the best first code.
  firsts = {item["semantic_id"][0] for item in found.items}
  assert firsts == {wide.items[0]["semantic_id"][0]}
  for item in found.items:
    assert item["score"] == pytest.approx(score[item["id"]], abs=1e-4)


def test_widths_for_other_levels_are_refused_at_the_start(artefacts, searches):
  with pytest.raises(ValueError, match="one per level; got"):
    Engine(artefacts, searches, beams=((4,) * 9,), max_batch=1)


def test_weights_in_four_bits_are_served_as_they_answer_in_a_program(
  run, make_service, search_of
):
  service = make_service(weights="nvfp4")
  assert service.quantized
  found = service.answer([search_of("red cup", k=8)])[0]
  expected = load(run, beam=BEAM, weights="nvfp4").search("red cup", k=8)
  assert [item["id"] for item in found.items] == [x.item_id for x in expected]
  np.testing.assert_allclose(
    [item["score"] for item in found.items],
    [x.log_prob for x in expected],
    atol=1e-5,
  )


def test_weights_in_four_bits_and_a_mesh_are_refused_together(run, tmp_path):
  with pytest.raises(ValueError, match="leave out the mesh"):
    ServiceConfig(
      run, tmp_path / "log", mesh=MeshConfig(model=2), weights="nvfp4"
    )
