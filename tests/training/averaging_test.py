import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.training.averaging import average_params, used_params
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import create_state


def trace(share, points):
  """The averages after each of the updates that lead through `points`."""
  transform = average_params(share)
  value = {"w": jnp.zeros(())}
  state, found = transform.init(value), []
  for point in points:
    step = {"w": jnp.asarray(point) - value["w"]}
    updates, state = transform.update(step, state, value)
    assert updates is step  # Left as they are.
    value = optax.apply_updates(value, updates)
    found.append(float(state.average["w"]))
  return found


def test_a_share_of_one_is_the_mean_of_all_steps():
  found = trace(1.0, [2.0, 4.0, 9.0])
  np.testing.assert_allclose(found, [2.0, 3.0, 5.0], rtol=1e-6)


def test_the_average_follows_its_formula():
  points = np.sin(np.arange(1.0, 30.0))
  expected, mean = [], 0.0
  for t, point in enumerate(points, 1):
    mean += (point - mean) / max(1.0, 0.25 * t)
    expected.append(mean)
  np.testing.assert_allclose(trace(0.25, points), expected, rtol=1e-5)


def test_a_straight_line_lags_by_a_share_of_the_run():
  """`θ_t = t` has the average `t - s t / (1 + s)`, up to a constant."""
  share, steps = 0.1, 1000
  found = trace(share, np.arange(1.0, steps + 1))
  lag = steps - found[-1]
  np.testing.assert_allclose(lag, share * steps / (1 + share), rtol=0.02)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_that_is_none_is_refused(share):
  with pytest.raises(ValueError, match=r"a share of the steps in \(0, 1\]"):
    average_params(share)


@pytest.mark.parametrize("average", [0.0, 0.5])
def test_a_state_is_used_with_its_average_if_it_has_one(average):
  mesh = make_mesh(MeshConfig())
  config = OptimizerConfig(schedule="constant", average=average)
  optimizer = make_optimizer(config, 10)
  state = create_state(
    lambda key: {"w": jax.random.normal(key, (4, 4))},
    optimizer,
    jax.random.key(0),
    mesh=mesh,
  )
  params, opt_state = state.params, state.opt_state
  for _ in range(6):
    updates, opt_state = optimizer.update(
      {"w": jnp.ones((4, 4))}, opt_state, params
    )
    params = optax.apply_updates(params, updates)
  used = used_params(state.replace(params=params, opt_state=opt_state))["w"]
  assert (np.asarray(used) == np.asarray(params["w"])).all() == (not average)
  # Parameters fall: their average is behind.
  assert (used >= params["w"]).all()
