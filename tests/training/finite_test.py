import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.training import finite

GRADIENTS = {"a": jnp.ones(3), "b": {"w": jnp.ones((2, 2))}}
PARAMS = jax.tree.map(lambda x: 2 * x, GRADIENTS)
METRICS = {"train/loss": jnp.ones(()), "train/grad_norm": jnp.ones(())}


def parts(metrics=METRICS, gradients=GRADIENTS, params=PARAMS):
  return finite.step_parts(metrics, gradients, params)


def test_a_finite_step_has_no_first():
  assert finite.first_bad(parts()) == -1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
  ("place", "sentence"),
  [
    ("loss", "train/loss is {bad}"),
    ("gradient", "the gradient norm of b/w is not finite"),
    ("norm", "train/grad_norm is {bad}"),
    ("parameter", "the parameter b/w is not finite"),
  ],
)
def test_the_first_leaf_is_named_by_its_place(bad, place, sentence):
  """And all that comes after it in a step is bad, too."""
  order = ("loss", "gradient", "norm", "parameter")
  at = order.index(place)
  value = jnp.float32(bad)

  def spoilt(tree):
    return tree | {"b": {"w": tree["b"]["w"].at[1, 0].set(value)}}

  metrics, gradients, params = METRICS, GRADIENTS, PARAMS
  if at <= 0:
    metrics = metrics | {"train/loss": value}
  if at <= 1:
    gradients = spoilt(gradients)
  if at <= 2:
    metrics = metrics | {"train/grad_norm": value}
  params = spoilt(params)
  number = finite.first_bad(parts(metrics, gradients, params))
  found = finite.leaf_sentence(parts(metrics, params, params), int(number))
  assert found == sentence.format(bad=bad)


def test_integers_and_keys_are_finite():
  tree = {"count": jnp.zeros((), jnp.int32), "key": jax.random.key(0)}
  assert finite.first_bad([("", tree)]) == -1
  tree["x"] = jnp.full(2, jnp.nan)
  number = int(finite.first_bad([("", tree)]))
  assert finite.leaf_sentence([("array ", tree)], number) == (
    "array x is not finite"
  )


def test_a_step_is_checked_when_the_next_one_is_seen():
  watch = finite.Watch("training", kept=0, advice="Do this")
  watch.check()
  watch.see(1, jnp.int32(-1), parts)
  watch.see(2, jnp.int32(1), parts)  # Not looked at yet.
  with pytest.raises(finite.NotFinite) as error:
    watch.see(3, jnp.int32(-1), parts)
  assert str(error.value) == (
    "training stopped at step 2: the gradient norm of a is not finite; no "
    "checkpoint was written before it. Do this."
  )


def test_the_error_says_which_checkpoint_is_kept():
  watch = finite.Watch("training", kept=0, advice="Do this")
  watch.kept = 20
  watch.see(24, jnp.int32(0), parts)
  with pytest.raises(finite.NotFinite, match="checkpoint of step 20 is kept"):
    watch.check()
