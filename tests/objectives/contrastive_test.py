import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.objectives import contrastive

info_nce = jax.jit(contrastive.info_nce)
SEEDS = st.integers(0, 2**31 - 1)


def draw(seed, size=6, width=4):
  rng = np.random.default_rng(seed)
  return rng.normal(size=(2, size, width)).astype(np.float32)


def test_equal_embeddings_give_log_of_the_batch():
  rows = jnp.ones((8, 3))
  loss = info_nce(rows, 2 * rows, temperature=0.1)
  np.testing.assert_allclose(loss, np.log(8), rtol=1e-5)


@given(SEEDS, st.floats(0.01, 100))
def test_loss_is_positive_and_blind_to_length(seed, scale):
  items, queries = draw(seed)
  loss = info_nce(items, queries, temperature=0.1)
  scaled = info_nce(scale * items, queries, temperature=0.1)
  assert loss >= 0
  np.testing.assert_allclose(loss, scaled, rtol=1e-3, atol=1e-5)


@given(SEEDS)
def test_masked_rows_equal_rows_that_are_not_there(seed):
  items, queries = draw(seed)
  # Always three: one shape to compile.
  where = np.random.default_rng(seed).permutation(6) < 3
  whole = info_nce(items, queries, temperature=0.1, where=jnp.asarray(where))
  kept = info_nce(items[where], queries[where], temperature=0.1)
  np.testing.assert_allclose(whole, kept, rtol=1e-4, atol=1e-5)


def cross_entropy(cosines, own):
  return np.log(np.exp(np.asarray(cosines) / 0.5).sum()) - own / 0.5


def test_the_loss_is_half_of_both_directions():
  """Items (1, 0), (0, 1); both queries (1, 0): cosines 1, 1 and 0, 0."""
  items = jnp.array([[1.0, 0.0], [0.0, 1.0]])
  queries = jnp.array([[1.0, 0.0], [1.0, 0.0]])
  of_items = cross_entropy([1, 1], 1) + cross_entropy([0, 0], 0)
  of_queries = cross_entropy([1, 0], 1) + cross_entropy([1, 0], 0)
  assert abs(of_items - of_queries) > 0.5
  np.testing.assert_allclose(
    info_nce(items, queries, temperature=0.5),
    (of_items + of_queries) / 2 / 2,
    rtol=1e-5,
  )


@given(SEEDS)
def test_the_loss_is_the_equation_over_the_negatives_of_each_row(seed):
  items, queries = draw(seed)
  rng = np.random.default_rng(seed)
  where, mask = rng.random(6) < 0.7, rng.random((6, 6)) < 0.5
  rows = items / np.linalg.norm(items, axis=1, keepdims=True)
  columns = queries / np.linalg.norm(queries, axis=1, keepdims=True)
  cosines = rows @ columns.T
  kept = mask | np.eye(6, dtype=bool)
  total = sum(
    cross_entropy(cosines[i, kept[i]], cosines[i, i])
    + cross_entropy(cosines[kept[:, i], i], cosines[i, i])
    for i in np.flatnonzero(where)
  )
  found = info_nce(
    items, queries, temperature=0.5, where=where, negative_mask=mask
  )
  np.testing.assert_allclose(
    found, total / 2 / max(1, where.sum()), rtol=1e-4, atol=1e-6
  )


def test_nobody_with_a_query_gives_zero_loss_and_gradient():
  items, queries = draw(0)

  def loss(items):
    return info_nce(items, queries, temperature=0.1, where=jnp.zeros(6, bool))

  value, grad = jax.value_and_grad(loss)(items)
  assert value == 0
  assert not np.asarray(grad).any()


def test_a_pair_that_is_no_negative_does_not_count():
  items, queries = draw(1, size=2)
  alone = info_nce(
    items, queries, temperature=0.1, negative_mask=jnp.zeros((2, 2), bool)
  )
  assert alone == pytest.approx(0, abs=1e-6)


def test_descending_brings_matched_rows_closer():
  items, queries = draw(3)

  def loss(items):
    return info_nce(items, queries, temperature=0.5)

  def matched(items):
    cosine = contrastive.normalize(items) * contrastive.normalize(queries)
    return cosine.sum()

  assert matched(items - 0.1 * jax.grad(loss)(items)) > matched(items)


B, C, D = 4, 7, 5
ALL = np.ones((B, C), bool)


def draw_rows(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def loss(q, d, mask=ALL, **options):
  return contrastive.in_batch_softmax(
    q, d, temperature=0.5, negative_mask=mask, **options
  )


@given(st.integers(0, 100))
def test_it_is_the_mean_of_minus_log_softmax(seed):
  rng = np.random.default_rng(seed)
  q, d = draw_rows(B, D, seed=seed), draw_rows(C, D, seed=seed + 1)
  mask, where = rng.random((B, C)) < 0.5, rng.random(B) < 0.7
  expected = []
  for b in np.flatnonzero(where):
    candidates = [c for c in range(C) if mask[b, c] or c == b]
    scores = np.exp([q[b] @ d[c] / 0.5 for c in candidates])
    expected.append(-np.log(np.exp(q[b] @ d[b] / 0.5) / scores.sum()))
  np.testing.assert_allclose(
    loss(q, d, mask, where=where), np.sum(expected) / max(1, len(expected)),
    rtol=1e-4, atol=1e-5,
  )  # fmt: skip


def test_equal_scores_cost_the_logarithm_of_their_number():
  value = loss(jnp.zeros((B, D)), jnp.zeros((C, D)))
  np.testing.assert_allclose(value, np.log(C), rtol=1e-6)


def test_the_order_of_a_batch_does_not_matter():
  q, d = draw_rows(B, D), draw_rows(B, D, seed=1)
  order = np.array([2, 0, 3, 1])
  full = np.ones((B, B), bool)
  np.testing.assert_allclose(
    loss(q, d, full), loss(q[order], d[order], full), rtol=1e-5
  )


def test_what_is_no_negative_gets_no_gradient():
  q, d = draw_rows(B, D), draw_rows(C, D, seed=1)
  mask = ALL.copy()
  mask[:, C - 1] = False
  grads = jax.grad(lambda d: loss(q, d, mask))(d)
  assert not grads[C - 1].any()
  assert (np.abs(grads[: C - 1]).max(axis=1) > 0).all()


@jax.jit
def several(vectors, positive_mask, candidate_mask):
  return contrastive.multi_positive_nce(
    vectors,
    positive_mask=positive_mask,
    candidate_mask=candidate_mask,
    temperature=0.5,
  )


OTHERS = ~np.eye(6, dtype=bool)


@given(SEEDS)
def test_several_positives_are_summed_inside_the_logarithm(seed):
  rng = np.random.default_rng(seed)
  vectors = draw(seed)[0]
  positive = (rng.random((6, 6)) < 0.3) & OTHERS
  candidate = (rng.random((6, 6)) < 0.5) & OTHERS
  rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
  scores = np.exp(rows @ rows.T / 0.5)
  losses = [
    -np.log(scores[i][positive[i]].sum() / scores[i][kept].sum())
    for i, kept in enumerate(positive | candidate)
    if positive[i].any()
  ]
  np.testing.assert_allclose(
    several(vectors, positive, candidate),
    np.mean(losses) if losses else 0,
    rtol=1e-4,
    atol=1e-5,
  )


def test_one_positive_is_the_in_batch_softmax_of_rows_with_themselves():
  """Rows 0 and 3, 1 and 4, 2 and 5 are matched; a row is not its own."""
  vectors = np.asarray(contrastive.normalize(draw(5)[0]))
  matched = np.roll(np.eye(6, dtype=bool), 3, axis=1)
  order = np.roll(np.arange(6), -3)
  expected = contrastive.in_batch_softmax(
    vectors,
    vectors[order],
    temperature=0.5,
    negative_mask=jnp.asarray(OTHERS[:, order]),
  )
  np.testing.assert_allclose(
    several(vectors, matched, OTHERS), expected, rtol=1e-5
  )


def test_rows_without_positives_have_no_loss_and_a_finite_gradient():
  vectors = draw(2)[0]
  nobody = np.zeros((6, 6), bool)
  assert several(vectors, nobody, OTHERS) == 0
  assert not np.asarray(jax.grad(several)(vectors, nobody, OTHERS)).any()
  pair = nobody.copy()
  pair[0, 1] = True
  grad = np.asarray(jax.grad(several)(vectors, pair, OTHERS))
  assert np.isfinite(grad).all()
  assert (np.abs(grad).max(axis=1) > 0).all()


def test_descending_brings_positives_closer():
  vectors = draw(4)[0]
  matched = np.roll(np.eye(6, dtype=bool), 3, axis=1)
  moved = vectors - 0.1 * jax.grad(several)(vectors, matched, OTHERS)
  cosines = [
    (z @ z.T)[matched].mean()
    for z in map(contrastive.normalize, (vectors, moved))
  ]
  assert cosines[1] > cosines[0]
