import functools

import jax
import numpy as np

from tests.reference.noisy import noisy
from tests.reference.small_dense import built
from tests.reference.small_world import semantic_ids


@functools.partial(jax.jit, static_argnums=0)
def forward(model, params, *inputs):
  return model.apply(params, *inputs)


def test_all_vectors_have_length_one():
  model, params, inputs = built()
  for side in forward(model, noisy(params), *inputs):
    np.testing.assert_allclose(np.linalg.norm(side, axis=1), 1, rtol=1e-4)


def test_the_first_scores_are_cosines_of_the_vectors():
  model, params, (prompt, words, vectors, _) = built()
  q, d = forward(
    model, params, prompt, np.full_like(words, -1), vectors, vectors[::-1]
  )
  units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
  np.testing.assert_allclose(q @ d.T, units @ units[::-1].T, atol=1e-4)


def test_hidden_people_are_not_read():
  model, params, (prompt, words, vectors, _) = built()
  hidden = prompt.replace(mask=np.zeros_like(prompt.mask))
  other = hidden.replace(
    history=np.roll(prompt.history, 1, 0), profile=np.roll(prompt.profile, 1, 0)
  )
  moved = noisy(params)
  a, b, known = (
    forward(model, moved, p, words, vectors, vectors)[0]
    for p in (hidden, other, prompt)
  )
  np.testing.assert_allclose(a, b, atol=1e-6)
  assert np.abs(a - known).max() > 1e-3


def test_codes_of_the_history_and_words_of_the_query_are_read():
  model, params, (prompt, words, vectors, _) = built()
  moved = noisy(params)
  assert prompt.mask[:, 1:].any()
  levels = len(semantic_ids().level_sizes)
  changed = prompt.history.copy()
  changed[..., :levels] = np.where(changed[..., :levels] >= 0, 40, -1)
  a = forward(model, moved, prompt, words, vectors, vectors)[0]
  b = forward(
    model, moved, prompt.replace(history=changed), words, vectors, vectors
  )[0]
  c = forward(model, moved, prompt, words[::-1].copy(), vectors, vectors)[0]
  assert np.abs(a - b).max() > 1e-3
  assert np.abs(a - c).max() > 1e-3
