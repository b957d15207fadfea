import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.clustering import kmeans
from gr_jax.clustering.nearest import squared_distances
from gr_jax.tokenizers import anchored_codebook, codebooks, quantizers

ANCHORS = (2, 4, 6)
SIZES = (5, 6, 6)
X = jax.random.normal(jax.random.key(0), (40, 3))
BOOKS = tuple(
  jax.random.normal(key, (size, 3))
  for key, size in zip(jax.random.split(jax.random.key(1), 3), SIZES)
)
UNPINNED = tuple(jnp.zeros(size, bool) for size in SIZES)
RULES = [codebooks.GradientCodebook(0.05), codebooks.EmaCodebook(0.5)]


@functools.partial(jax.jit, static_argnames="ended")
def quantized(books=BOOKS, ended=0):
  """Of X; the IDs of the first `ended` rows end after one code."""
  found = quantizers.residual_quantize(X, books)
  return found._replace(codes=found.codes.at[:ended, 1:].set(-1))


@functools.partial(jax.jit, static_argnames="anchors")
def loss(books, found, anchors=ANCHORS):
  return anchored_codebook.codebook_loss(books, found, anchors=anchors)


@functools.partial(jax.jit, static_argnames="rule")
def update(books, memory, found, key, *, rule):
  return rule.update(books, memory, found, key)


def test_no_gradient_reaches_an_anchor_or_an_unused_row():
  found = quantized(ended=10)
  grads = jax.jit(jax.grad(loss))(BOOKS, found)
  for l, grad in enumerate(grads):
    used = np.unique(found.codes[:, l])
    used = used[used >= ANCHORS[l]]
    still = np.setdiff1d(np.arange(SIZES[l]), used)
    np.testing.assert_array_equal(grad[still], 0)
    assert (np.abs(grad[used]).max(axis=1, initial=0) > 0).all()


def test_without_anchors_the_loss_is_the_rq_vaes():
  np.testing.assert_allclose(
    loss(BOOKS, quantized(), anchors=(0, 0, 0)),
    quantizers.codebook_loss(quantized()),
    rtol=1e-6,
  )


@pytest.mark.parametrize("rule", RULES)
def test_anchors_stay_bit_for_bit_while_extensions_learn(rule):
  anchored = anchored_codebook.AnchoredCodebook(rule, ANCHORS)
  books, memory = BOOKS, anchored.init(BOOKS, pinned=UNPINNED)
  for step in range(8):
    found = quantized(books, ended=5)
    books, memory = update(
      books, memory, found, jax.random.key(step), rule=anchored
    )
  for book, start, frozen in zip(books, BOOKS, ANCHORS):
    np.testing.assert_array_equal(book[:frozen], start[:frozen])
  assert not np.array_equal(books[0][2:], BOOKS[0][2:])
  assert loss(books, quantized(books)) < loss(BOOKS, quantized())


@pytest.mark.parametrize("rule", RULES)
def test_without_anchors_the_rule_is_the_rule(rule):
  anchored = anchored_codebook.AnchoredCodebook(rule, (0, 0, 0))
  found, key = quantized(), jax.random.key(0)
  got, expected = (
    update(BOOKS, each.init(BOOKS, pinned=UNPINNED), found, key, rule=each)[0]
    for each in (anchored, rule)
  )
  for one, other in zip(got, expected):
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_with_anchors_alone_nothing_moves():
  anchored = anchored_codebook.AnchoredCodebook(RULES[0], SIZES)
  memory = anchored.init(BOOKS, pinned=UNPINNED)
  moved, _ = anchored.update(BOOKS, memory, quantized(), jax.random.key(0))
  for one, other in zip(moved, BOOKS):
    np.testing.assert_array_equal(one, other)


def extended(latents=X, sizes=SIZES):
  heads = tuple(book[:size] for book, size in zip(BOOKS, ANCHORS))
  return anchored_codebook.extend(
    heads,
    latents,
    sizes=sizes,
    cluster=functools.partial(kmeans.fit, iterations=3),
    key=jax.random.key(2),
  )


def test_extensions_stand_behind_the_anchors_and_lower_the_error():
  grown = extended()
  for book, start, frozen, size in zip(grown, BOOKS, ANCHORS, SIZES):
    assert book.shape == (size, 3)
    np.testing.assert_array_equal(book[:frozen], start[:frozen])

  def error(book):
    return np.asarray(squared_distances(X, book).min(axis=1)).mean()

  assert error(grown[0]) < error(BOOKS[0][:2])


def test_too_few_tail_items_are_refused():
  with pytest.raises(ValueError, match="2 tail items cannot start 3 new codes"):
    extended(X[:2])


def test_extensions_start_from_the_half_that_is_farthest_from_its_anchor():
  given = []

  def cluster(rows, *, num_clusters, key):
    given.append(np.asarray(rows))
    return kmeans.fit(rows, num_clusters=num_clusters, key=key, iterations=1)

  heads = tuple(book[:size] for book, size in zip(BOOKS, ANCHORS))
  anchored_codebook.extend(
    heads, X, sizes=(5, 4, 6), cluster=cluster, key=jax.random.key(2)
  )
  (rows,) = given  # The other levels have anchors alone.
  gaps = np.square(np.asarray(X)[:, None] - np.asarray(heads[0])).sum(-1).min(1)
  far = np.asarray(X)[np.argsort(-gaps)[:20]]
  np.testing.assert_array_equal(
    rows[np.lexsort(rows.T)], far[np.lexsort(far.T)]
  )
