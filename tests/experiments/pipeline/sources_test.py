import numpy as np
import pytest

from experiments.pipeline.sources import (
  Sources,
  chosen_again,
  tfidf,
  usual_span,
)
from gr_jax.candidates.sources.likeness import like_texts, with_itself
from tests.reference import small_logs, small_world, tiny_tokenizers


def test_a_usual_span_is_the_median_of_the_users():
  log = small_logs.requests_of([[0, 1, 2, 0], [1], [1, 2]])
  assert usual_span(log) == 1.0  # Of 3, 0 and 1.


def test_an_item_is_chosen_again_where_training_has_it_twice():
  log = small_logs.requests_of([[0, 1, 2, 0], [1], [1, 2]])
  ends = log.user_offsets[1:].copy()
  assert chosen_again(log, ends)
  ends[0] = 3  # The second 0 comes later.
  assert not chosen_again(log, ends)


def test_texts_are_unit_vectors_of_words_and_categories():
  catalogue = small_world.shop().catalogue
  found = tfidf(catalogue)
  norms = np.sqrt(found.multiply(found).sum(axis=1))
  np.testing.assert_allclose(norms, 1, rtol=1e-5)
  same = [f"{t} {c}" for t, c in zip(catalogue.texts, catalogue.categories)]
  cosine = (found @ found.T).toarray()
  twins = [(i, same.index(s)) for i, s in enumerate(same) if same.index(s) < i]
  for one, other in twins:
    assert cosine[one, other] == pytest.approx(1, abs=1e-5)


def test_what_no_log_teaches_is_computed_once(tmp_path):
  data = tiny_tokenizers.data(tmp_path)
  vectors = tiny_tokenizers.vectors(tmp_path)
  sources = Sources(data.catalogue, vectors, single_items=True)
  first, second = sources.of(data.requests), sources.of(data.requests)
  names = [type(one).__name__ for one in first]
  assert names == [type(one).__name__ for one in second]
  for name in ("Words", "Tastes"):
    place = names.index(name)
    assert first[place] is second[place]
  own = names.index("OwnItems")
  assert first[own] is not second[own]


@pytest.mark.parametrize(("single_items", "window"), [(True, 3), (False, 10)])
def test_pairs_of_single_items_are_nearer_than_those_of_baskets(
  single_items, window, tmp_path
):
  data = tiny_tokenizers.data(tmp_path)
  vectors = tiny_tokenizers.vectors(tmp_path)
  sources = Sources(data.catalogue, vectors, single_items=single_items)
  windows = {
    state["_window"]
    for state in (one.state() for one in sources.of(data.requests))
    if "_window" in state
  }
  assert windows == {window}


def test_items_are_compared_once_and_the_nearest_lend(tmp_path, monkeypatch):
  data = tiny_tokenizers.data(tmp_path)
  vectors = tiny_tokenizers.vectors(tmp_path)
  calls = []

  def counting(vectors, **options):
    calls.append(options)
    return like_texts(vectors, **options)

  monkeypatch.setattr("experiments.pipeline.sources.like_texts", counting)
  sources = Sources(data.catalogue, vectors, single_items=True)
  for _ in range(2):
    states = {one.names[0]: one.state() for one in sources.of(data.requests)}
  assert calls == [{}, {"power": 6}]
  lent = states["lent_score"]["_after"]
  assert lent is states["borrowed_score"]["_before"]
  words = tfidf(data.catalogue)
  expected = with_itself(like_texts(words, keep=20), 1.0)
  # Of equal likeness others may be kept, as many.
  for row in range(60):
    one, two = (np.sort(each[[row]].data) for each in (lent, expected))
    np.testing.assert_allclose(one, two, rtol=1e-5)
