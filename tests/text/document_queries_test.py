"""Documents become training requests for themselves; nothing else changes."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.data.sources import beir
from gr_jax.evaluation.baselines import bm25
from gr_jax.generators.training_examples.single import group_targets
from gr_jax.text.document_queries import (
  DocumentQueriesConfig,
  pseudo_queries,
  with_document_queries,
)
from tests.reference.small_collection import write_beir

WORDS = ("oat", "milk", "rye", "tea", "bread", "green")
TEXTS = st.lists(
  st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
  min_size=1,
  max_size=6,
)


@pytest.fixture
def data(tmp_path):
  write_beir(tmp_path / "data")
  found = beir.load(tmp_path / "data")
  return found.catalogue, found.requests


def grown(data, **numbers):
  config = DocumentQueriesConfig(**numbers or {"segments": 3, "words": 4})
  return with_document_queries(
    *data, config=config, rng=np.random.default_rng(0)
  )


def queries_of(data, more):
  """The queries of each document."""
  found = {}
  for r in range(len(data[1]), len(more)):
    (item,) = more.targets(r)
    found.setdefault(int(item), []).append(more.queries[more.query[r]])
    assert more.split[r] == TRAIN
    assert not len(more.history(r))
  return found


def test_requests_that_were_there_stay(data):
  _, requests = data
  more = grown(data)
  for r in range(len(requests)):
    assert more.targets(r).tolist() == requests.targets(r).tolist()
    assert more.queries[more.query[r]] == requests.queries[requests.query[r]]
    assert more.split[r] == requests.split[r]
  old, new = requests.rows(TEST, "search"), more.rows(TEST, "search")
  np.testing.assert_array_equal(old, new)


def test_stretches_of_a_document_are_queries_for_it(data):
  catalogue, _ = data
  found = queries_of(data, grown(data))
  assert set(found) == set(range(len(catalogue)))
  for item, texts in found.items():
    text = " ".join(catalogue.texts[item].split())
    assert len(texts) == 3
    assert texts[0] == " ".join(text.split()[:4])
    assert all(one in text and len(one.split()) <= 4 for one in texts)


def test_stretches_of_a_text_without_blanks_are_as_short(data):
  catalogue, requests = data
  texts = object_array(["新款红色连衣裙便携保温杯", *catalogue.texts[1:]])
  data = dataclasses.replace(catalogue, texts=texts), requests
  found = queries_of(data, grown(data, titles=1, segments=3, words=4))[0]
  assert found[:2] == ["新款红色"] * 2
  assert all(len(one) == 4 and one in texts[0] for one in found)


def test_made_up_queries_find_texts_of_any_script():
  texts = ["红色连衣裙", "蓝色运动鞋", "हिन्दी की किताब", "नीली साड़ी"]
  made = pseudo_queries(texts, count=3, words=2, rng=np.random.default_rng(0))
  state = bm25.fit(texts, np.zeros(4))
  for row, queries in enumerate(made):
    assert bm25.rank(state, queries, k=1).tolist() == [[row]] * 3


def test_a_title_is_what_stands_before_the_first_full_stop(data):
  found = queries_of(data, grown(data, titles=1))
  assert found == {0: ["Oats"], 1: ["whole milk"], 2: ["Bread"], 3: ["Tea"]}


def test_made_up_queries_are_words_that_few_documents_have(data):
  found = queries_of(data, grown(data, pseudo=5, pseudo_words=2))
  assert {word for text in found[1] for word in text.split()} == (
    {"whole", "milk"}
  )
  assert all(len(texts) == 5 for texts in found.values())
  assert len({text for text in found[0]}) > 1


def test_stretches_of_a_document_are_one_group_of_training(data):
  _, requests = data
  groups = group_targets(grown(data), split=TRAIN)
  sizes = np.diff(groups.offsets)
  added = groups.request[groups.offsets[:-1]] >= len(requests)
  assert sizes[added].tolist() == [3] * 4


def test_documents_that_ask_nothing_change_nothing(data):
  assert grown(data, segments=0) is data[1]


@pytest.mark.parametrize(
  ("name", "number"), [("segments", -1), ("titles", 2), ("words", 0)]
)
def test_a_number_out_of_range_raises(name, number):
  with pytest.raises(ValueError, match=f"{name} is {number}; make it"):
    DocumentQueriesConfig(**{name: number})


def made_up(texts, *, count=2, words=3, seed=0):
  rng = np.random.default_rng(seed)
  return pseudo_queries(texts, count=count, words=words, rng=rng)


@given(TEXTS, st.integers(0, 3), st.integers(1, 4))
def test_queries_are_distinct_words_of_their_text_in_its_order(
  texts, count, words
):
  for text, queries in zip(texts, made_up(texts, count=count, words=words)):
    for query in queries:
      found = query.split()
      assert 1 <= len(found) <= words
      places = [text.split().index(word) for word in found]
      assert places == sorted(set(places))


@given(TEXTS)
def test_a_word_of_all_texts_is_never_drawn(texts):
  common = set.intersection(*(set(text.split()) for text in texts))
  for text, queries in zip(texts, made_up(texts)):
    assert len(queries) == (2 if set(text.split()) - common else 0)
    assert not common & set(" ".join(queries).split())


def test_rare_and_repeated_words_are_drawn_more_often():
  texts = ["rare often", "often here", "often there", "other text"]
  drawn = made_up(texts, count=300, words=1)[0]
  expected = np.log(4) / (np.log(4) + np.log(4 / 3))
  assert abs(drawn.count("rare") / 300 - expected) < 0.07
  texts = ["one one one two", "x", "y"]
  drawn = made_up(texts, count=300, words=1)[0]
  assert abs(drawn.count("one") / 300 - 2 / 3) < 0.08
