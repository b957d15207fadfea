import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.objectives import next_token


def test_cross_entropy_of_two_equal_codes_is_log_two():
  logits = jnp.zeros((3, 2))
  where = jnp.ones(3, bool)
  loss = next_token.cross_entropy(logits, jnp.array([0, 1, 0]), where=where)
  np.testing.assert_allclose(loss, np.log(2), rtol=1e-6)


@given(st.integers(0, 2**31 - 1))
def test_masked_places_equal_places_that_are_not_there(seed):
  rng = np.random.default_rng(seed)
  logits = rng.normal(size=(6, 5)).astype(np.float32)
  targets = rng.integers(0, 5, 6)
  where = rng.random(6) < 0.6
  where[0] = True
  whole = next_token.cross_entropy(logits, targets, where=jnp.asarray(where))
  kept = next_token.cross_entropy(
    logits[where], targets[where], where=jnp.ones(where.sum(), bool)
  )
  np.testing.assert_allclose(whole, kept, rtol=1e-5)


def test_nothing_to_learn_gives_zero_loss_and_zero_gradient():
  def loss(logits):
    return next_token.cross_entropy(
      logits, jnp.array([0, 1]), where=jnp.zeros(2, bool)
    )

  value, grad = jax.value_and_grad(loss)(jnp.ones((2, 3)))
  assert value == 0
  assert not np.asarray(grad).any()


def test_an_early_end_is_learned_once():
  """Codes (1, end, -): level 2 learns the END column, level 3 nothing."""
  codes = jnp.array([[1, -1, -1]])
  logits = [jnp.zeros((1, 3)), jnp.zeros((1, 4)), jnp.zeros((1, 4))]
  losses = next_token.code_losses(logits, codes, where=jnp.ones(1, bool))
  np.testing.assert_allclose(losses, [np.log(3), np.log(4), 0], rtol=1e-6)

  def second(logits_2):
    changed = [logits[0], logits_2, logits[2]]
    where = jnp.ones(1, bool)
    return next_token.code_losses(changed, codes, where=where)[1]

  grad = jax.grad(second)(logits[1])[0]
  np.testing.assert_allclose(grad, [0.25, 0.25, 0.25, -0.75], rtol=1e-6)


def test_losses_of_parts_add_up_to_the_loss_of_the_whole():
  """Given the totals of the whole; parts have targets that end early."""
  rng = np.random.default_rng(0)
  codes = np.array([[1, -1, -1], [0, 2, 1], [2, 0, -1], [1, 1, 1]])
  where = np.array([True, True, True, False])
  logits = [rng.normal(size=(4, c)).astype(np.float32) for c in (3, 4, 4)]
  totals = next_token.code_totals(jnp.asarray(codes), where=jnp.asarray(where))
  np.testing.assert_array_equal(totals, [3, 3, 2])
  whole = next_token.code_losses(logits, codes, where=where)
  parts = [
    next_token.code_losses(
      [x[at] for x in logits], codes[at], where=where[at], totals=totals
    )
    for at in (slice(0, 1), slice(1, 4))
  ]
  np.testing.assert_allclose(sum(parts), whole, rtol=1e-6)


SIZES = (4, 3)
# Of twelve places, the first of which is there once.
WEIGHTS = np.repeat([0, 1, 2], (4, 3, 4))

code_losses = jax.jit(next_token.code_losses)
page_losses = jax.jit(next_token.page_losses)


def draw_pages(seed: int, rows=3, places=4, pages=2):
  rng = np.random.default_rng(seed)
  logits = [
    jnp.asarray(rng.normal(size=(rows, places, size + (l == 0))), jnp.float32)
    for l, size in enumerate(SIZES)
  ]
  ends = jnp.asarray(rng.normal(size=(rows, pages, SIZES[0] + 1)), jnp.float32)
  codes = np.stack(
    [rng.integers(0, size, (rows, places)) for size in SIZES], axis=-1
  )
  return logits, ends, jnp.asarray(codes)


@given(st.integers(0, 2**31 - 1))
def test_pages_of_one_id_have_the_point_wise_loss(seed):
  logits, ends, codes = draw_pages(seed, places=1, pages=1)
  heads = logits[0].at[..., -1].set(-jnp.inf)  # The first place cannot end.
  found = page_losses(
    [heads, *logits[1:]],
    ends,
    codes,
    weights=jnp.ones((3, 1)),
    ended=jnp.zeros((3, 1), bool),
  )
  logits = [heads[..., :-1], *logits[1:]]
  want = code_losses(logits, codes, where=jnp.ones((3, 1), bool))
  np.testing.assert_allclose(found[:-1], want, rtol=1e-5)
  assert found[-1] == 0


@given(st.integers(0, 2**31 - 1))
def test_a_weight_of_two_is_an_id_that_is_there_twice(seed):
  logits, ends, codes = draw_pages(seed)
  times = np.append(1, np.random.default_rng(seed).permutation(WEIGHTS))
  weights = times.reshape(3, 4).astype(np.float32)
  nothing = jnp.zeros((3, 2), bool)
  found = page_losses(logits, ends, codes, weights=weights, ended=nothing)
  repeated = [
    np.repeat(np.asarray(x).reshape(12, -1), times, axis=0)[None]
    for x in (*logits, codes)
  ]
  ones = np.ones(repeated[-1].shape[:2], np.float32)
  want = page_losses(
    repeated[:-1], ends, repeated[-1], weights=ones, ended=nothing
  )
  np.testing.assert_allclose(found, want, rtol=1e-4)


def test_an_end_costs_what_an_equal_code_would():
  logits = [jnp.zeros((1, 2, 5)), jnp.zeros((1, 2, 3))]
  found = page_losses(
    logits,
    jnp.zeros((1, 2, 5)),
    jnp.zeros((1, 2, 2), int),
    weights=jnp.ones((1, 2)),
    ended=jnp.array([[True, False]]),
  )
  np.testing.assert_allclose(
    found, [np.log(5), np.log(3), np.log(5) / 2], rtol=1e-6
  )


def test_an_end_is_learned_at_its_own_column():
  def loss(ends):
    return page_losses(
      [jnp.zeros((1, 1, 5))],
      ends,
      jnp.zeros((1, 1, 1), int),
      weights=jnp.ones((1, 1)),
      ended=jnp.ones((1, 1), bool),
    )[-1]

  grad = jax.grad(loss)(jnp.zeros((1, 1, 5)))[0, 0]
  np.testing.assert_allclose(grad, [0.2] * 4 + [-0.8], rtol=1e-6)


def test_an_empty_page_gives_zero_loss_and_finite_gradient():
  logits, ends, codes = draw_pages(0)

  def loss(heads):
    return page_losses(
      [heads, *logits[1:]],
      ends,
      codes,
      weights=jnp.zeros((3, 4)),
      ended=jnp.zeros((3, 2), bool),
    ).sum()

  value, grad = jax.value_and_grad(loss)(logits[0].at[..., -1].set(-jnp.inf))
  assert value == 0
  assert not np.asarray(grad).any()


def test_an_id_that_ends_early_is_learned_once():
  codes = jnp.array([[[1, -1, -1]]])
  logits = [jnp.zeros((1, 1, 4)), jnp.zeros((1, 1, 4)), jnp.zeros((1, 1, 4))]
  found = page_losses(
    logits,
    jnp.zeros((1, 1, 4)),
    codes,
    weights=jnp.ones((1, 1)),
    ended=jnp.zeros((1, 1), bool),
  )
  np.testing.assert_allclose(found, [np.log(4), np.log(4), 0, 0], rtol=1e-6)


def test_an_empty_place_costs_nothing_even_where_its_code_is_impossible():
  codes = jnp.array([[[1], [2]]])
  logits = jnp.zeros((1, 2, 4)).at[0, 1, 2].set(-jnp.inf)

  def loss(logits):
    return page_losses(
      [logits],
      jnp.zeros((1, 1, 4)),
      codes,
      weights=jnp.array([[1.0, 0.0]]),
      ended=jnp.zeros((1, 1), bool),
    ).sum()

  value, grad = jax.value_and_grad(loss)(logits)
  np.testing.assert_allclose(value, np.log(4), rtol=1e-6)
  assert np.isfinite(grad).all()
  assert not np.asarray(grad[0, 1]).any()
