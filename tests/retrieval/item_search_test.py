"""A loaded run answers in a program as its generator ranks."""

import dataclasses

import jax
import numpy as np
import pytest

from gr_jax.retrieval.item_search import ItemSearch, load
from tests.reference import trained_run
from tests.reference.small_world import shop

NAMES = shop().catalogue.item_ids


@pytest.fixture(
  scope="module",
  params=[
    {"network": "decoder_only", "prompt_encoder": "sum_items"},
    {"network": "encoder_decoder", "prompt_encoder": "flatten_items"},
  ],
  ids=lambda changes: changes["network"],
)
def run(request, tmp_path_factory):
  """The trained generator, and the folder as a search."""
  directory = tmp_path_factory.mktemp("run")
  trained = trained_run.make(directory, **request.param)
  return trained, load(directory, beam=len(NAMES))


def scores(trained, search, row: int) -> np.ndarray:
  """`[N]`, log-probabilities of all items for request `row` of the log."""
  requests, codes = shop().requests, search.artefacts.semantic_ids.codes
  prompt = trained.writer.prompts(np.array([row]), shown=np.ones(1, bool))
  queries = trained.writer.queries(requests.query[row])
  queries = np.repeat(queries[None, None], len(codes), axis=1)
  logits = jax.jit(trained.model.apply)(
    trained.params, prompt, queries, codes[None]
  )
  total = np.zeros(len(codes))
  for level, each in enumerate(logits):
    log_probs = np.asarray(jax.nn.log_softmax(each))[0]
    code = codes[:, level]
    column = np.where(code < 0, log_probs.shape[-1] - 1, code)
    there = (code >= 0) | (codes[:, max(level - 1, 0)] >= 0)
    total += np.where(there, log_probs[np.arange(len(codes)), column], 0)
  return total


def logged_request(row: int) -> dict:
  """Request `row` of the log, as a program sends it."""
  requests = shop().requests
  user, query = requests.user[row], requests.query[row]
  events = slice(requests.user_offsets[user], requests.history_end[row])
  days = (requests.time[row] - requests.event_time[events]) / 86_400
  return {
    "query": None if query < 0 else requests.queries[query],
    "history": list(
      zip(NAMES[requests.event_item[events]].tolist(), days.tolist())
    ),
    "user_id": requests.user_ids[user],
    "facts": dict(fact.split("=", 1) for fact in requests.profiles[user]),
  }


@pytest.mark.parametrize("basket", [False, True])
def test_all_items_come_in_the_order_of_the_model(run, basket):
  trained, search = run
  (rows,) = np.nonzero((shop().requests.query < 0) == basket)
  row = int(rows[-1])
  found = search.search(**logged_request(row), k=len(NAMES))
  assert sorted(item.item_id for item in found) == sorted(NAMES)
  by_name = dict(zip(NAMES, scores(trained, search, row)))
  expected = [by_name[item.item_id] for item in found]
  np.testing.assert_allclose(
    [item.log_prob for item in found], expected, atol=1e-4
  )
  assert (np.diff([item.log_prob for item in found]) <= 0).all()


def test_an_answer_has_the_texts_and_ids_of_the_catalogue(run):
  _, search = run
  texts = dict(zip(NAMES, shop().catalogue.texts))
  codes = dict(zip(NAMES, search.artefacts.semantic_ids.codes.tolist()))
  found = search.search(query="cup", history=NAMES[:2].tolist(), k=3)
  assert len(found) == 3
  for item in found:
    assert item.text == texts[item.item_id]
    assert list(item.semantic_id) == codes[item.item_id]


def test_a_beam_may_have_a_width_of_its_own_at_every_level(run):
  _, search = run
  levels = search.artefacts.semantic_ids.num_levels
  narrow = ItemSearch(search.artefacts, beam=(1,) * levels)
  (greedy,) = narrow.search(query="cup", k=1)
  assert len(greedy.semantic_id) == levels
  # The last level keeps k, all below the one first code.
  found = narrow.search(query="cup", k=3)
  assert len({item.semantic_id[0] for item in found}) == 1


def test_excluded_items_leave_their_places_to_others(run):
  _, search = run
  first, second, *_ = search.search(query="cup", k=3)
  found = search.search(query="cup", k=3, exclude=[first.item_id])
  assert found[0] == second
  assert len(found) == 3


def test_purchases_of_now_are_the_default_and_order_is_by_age(run):
  _, search = run
  a, b = NAMES[:2].tolist()
  plain = search.search(history=[a, b])
  assert plain == search.search(history=[(a, 0), (b, 0)])
  aged = search.search(history=[(a, 9), b])
  assert aged == search.search(history=[b, (a, 9)])
  assert aged != plain


def test_a_query_is_read_in_trained_words(run):
  _, search = run
  (word,) = search.artefacts.vocabulary.words[:1]
  assert search.read(f"{word}{word[-1]} zzz") == [
    (f"{word}{word[-1]}", (word,)),
    ("zzz", ()),
  ]


def test_a_run_without_queries_refuses_them(run):
  _, search = run
  vocabulary = dataclasses.replace(search.artefacts.vocabulary, words=())
  bare = ItemSearch(
    dataclasses.replace(search.artefacts, vocabulary=vocabulary)
  )
  with pytest.raises(ValueError, match="trained without queries: ask for"):
    bare.search("cup")


@pytest.mark.parametrize(
  ("request_of", "message"),
  [
    ({"query": " ?"}, r"query ' \?' holds no word"),
    ({"history": ["nothing"]}, "no item 'nothing'"),
    ({"exclude": ["nothing"]}, "no item 'nothing'"),
  ],
)
def test_what_cannot_be_answered_raises(run, request_of, message):
  with pytest.raises(ValueError, match=message):
    run[1].search(**request_of)
