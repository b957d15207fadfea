import numpy as np
import pytest

from gr_jax.candidates.counted_categories import counted_categories
from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.sources.word_tastes import WordTastes
from gr_jax.text.words import index_words
from tests.reference import candidate_log, small_world


def tastes(source, batch, finest):
  history = batch.counted_history(candidate_log.ITEMS)
  bought = counted_categories(history, finest, groups=finest.max() + 2)
  found = source.of(batch, candidate_log.all_pairs(batch), history, bought)
  return found.reshape(-1, candidate_log.ITEMS)


@pytest.mark.parametrize("later", [0, 5])
def test_words_count_against_what_their_category_expects(later):
  """Items that come later have words, and tell nothing of categories."""
  catalogue = small_world.shop().catalogue
  finest = finest_category(catalogue.categories)
  first = len(catalogue) - later
  texts = catalogue.texts.tolist()
  source = WordTastes(texts[:first], finest[:first]).grown(texts[first:])
  words = [set(index_words(text)) for text in texts]
  vocabulary = sorted(set().union(*words))
  has = np.array([[w in one for w in vocabulary] for one in words], float)
  old, groups = finest[:first], range(finest.max() + 1)
  share = np.stack([has[:first][old == c].mean(0) for c in groups])
  batch = candidate_log.batch()
  found = tastes(source, batch, finest)
  for row, request in enumerate(batch.requests[:, 0]):
    history = batch.log.requests.history(request)
    seen, expected = has[history].sum(0), share[finest[history]].sum(0)
    taste = np.log1p(seen) - np.log1p(expected)
    np.testing.assert_allclose(found[row], has @ taste, atol=1e-4)


def test_without_a_history_no_word_says_anything():
  catalogue = small_world.shop().catalogue
  finest = finest_category(catalogue.categories)
  source = WordTastes(catalogue.texts, finest)
  assert not tastes(source, candidate_log.batch(shown=False), finest).any()
