import dataclasses

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline.point_wise import text_queries
from experiments.pipeline.tasks import check_generator
from experiments.pipeline.untrained import (
  count_variables,
  make_vocabulary,
)
from gr_jax.data.catalogue import object_array
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.text.words import split_words
from tests.reference import small_world, tasks

PLAIN = {"precision": "bfloat16"}


@pytest.mark.parametrize(
  ("key", "value", "message"),
  [
    ("task", "x", "generator.task is 'x'; use one of point_wise"),
    ("prompt_encoder", "x", "prompt_encoder is 'x'; use one of sum_items"),
    ("prompt_encoder", "merged", "'merged' is now 'merge_items'"),
    ("network", "x", "generator.network is 'x'; use one of decoder_only"),
    ("precision", "x", "precision is 'x'; use one of bfloat16"),
  ],
)
def test_a_name_that_nothing_knows_is_refused(key, value, message):
  check_generator(ConfigDict(PLAIN))
  with pytest.raises(ValueError, match=message) as caught:
    check_generator(ConfigDict(PLAIN | {key: value}))
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  ("section", "message"),
  [
    ({"count_alpha": 0.0}, "set generator.count_alpha above 0"),
    ({"task": "page_wise"}, "generator.task is 'page_wise'"),
    ({"transitions": {"neighbours": 8}}, "transitions.neighbours to 0"),
  ],
)
def test_candidates_say_what_they_do_not_go_with(section, message):
  whole = {"count_alpha": 1.0, "candidates": {"size": 8}}
  check_generator(ConfigDict(PLAIN | whole))
  with pytest.raises(ValueError, match=message) as caught:
    check_generator(ConfigDict(PLAIN | whole | section))
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  ("name", "ends"), [("point_wise", 0), ("page_wise", 1)]
)
def test_pages_have_a_token_for_their_end(tmp_path, name, ends):
  parts = tasks.untrained(tasks.section(name), tmp_path)
  assert parts.vocabulary.page_ends == ends
  assert parts.model.prompt_size == parts.vocabulary.prompt_size


def test_words_of_texts_have_tokens_where_they_are_learned(tmp_path):
  section = tasks.section("point_wise")
  texts = tasks.data(tmp_path).catalogue.texts
  words = {word for text in texts for word in split_words(text)}
  plain = tasks.untrained(section, tmp_path).vocabulary
  with section.unlocked():
    section.examples.text_share = 0.5
  parts = tasks.untrained(section, tmp_path)
  assert set(parts.vocabulary.words) == {*plain.words, *words}
  assert text_queries(parts, 0.5).share == 0.5
  assert text_queries(parts, 0.0) is None


@pytest.mark.parametrize("split", [VALID, TEST])
def test_words_and_facts_of_the_vocabulary_are_those_of_the_training(
  tmp_path, split
):
  """A word and a fact of one held-out request have no token."""
  data = tasks.data(tmp_path)
  requests = data.requests
  row = int(np.flatnonzero(requests.split == split)[0])
  query, user = requests.query.copy(), requests.user.copy()
  query[row], user[row] = len(requests.queries), len(requests.user_ids)
  end = requests.history_end.copy()
  end[row] = requests.user_offsets[-1]
  log = dataclasses.replace(
    requests,
    user_ids=np.append(requests.user_ids, "new"),
    profiles=object_array([*requests.profiles, ("home=moon",)]),
    user_offsets=np.append(requests.user_offsets, requests.user_offsets[-1]),
    user=user,
    history_end=end,
    query=query,
    queries=np.append(requests.queries, "zebrafish"),
  )

  def vocabulary(log):
    return make_vocabulary(
      dataclasses.replace(data, requests=log),
      small_world.semantic_ids(),
      small_world.PROMPT,
    )

  found = vocabulary(log)
  rows = log.query[(log.split == TRAIN) & (log.query >= 0)]
  words = {w for q in log.queries[rows].tolist() for w in q.split()}
  assert set(found.words) == words
  assert "zebrafish" not in words
  assert "home=moon" not in found.facts
  trained = log.split.copy()
  trained[row] = TRAIN
  learned = vocabulary(dataclasses.replace(log, split=trained))
  assert set(learned.words) == words | {"zebrafish"}
  assert set(learned.facts) == {*found.facts, "home=moon"}


TRANSITIONS = {"window": 3, "neighbours": 4, "last": 2}


def test_transitions_stand_beside_the_catalogue_and_are_off_by_default(
  tmp_path,
):
  data, ids = tasks.data(tmp_path), small_world.semantic_ids()
  config = ConfigDict({"count_alpha": 1.0})
  plain = count_variables(data, ids, config)
  assert plain["counts"].keys() == {"catalogue"}
  config.transitions = TRANSITIONS
  both = count_variables(data, ids, config)["counts"]
  assert both["transitions"].kept == 4
  np.testing.assert_array_equal(both["transitions"].ids, ids.ids)


@pytest.mark.parametrize(
  ("section", "error"),
  [
    ({"count_alpha": 0.0}, "count_alpha above 0"),
    ({"count_alpha": 1.0, "task": "page_wise"}, "task is 'page_wise'"),
  ],
)
def test_transitions_that_would_mislead_are_refused(tmp_path, section, error):
  config = ConfigDict(section | {"transitions": TRANSITIONS})
  with pytest.raises(ValueError, match=error):
    count_variables(tasks.data(tmp_path), small_world.semantic_ids(), config)
