import chex
import jax.numpy as jnp
import optax

from gr_jax.rl.state import split_variables, start_alignment


def test_the_start_is_a_copy_so_that_the_reference_survives_donation():
  params = {"w": jnp.arange(3.0)}
  state = start_alignment(params, optax.adam(0.1))
  chex.assert_trees_all_equal(state.params, params)
  chex.assert_trees_all_equal(state.old_params, params)
  pointers = {
    x["w"].addressable_data(0).unsafe_buffer_pointer()
    for x in (params, state.params, state.old_params)
  }
  assert len(pointers) == 3
  assert int(state.step) == 0


def test_variables_part_into_what_is_trained_and_what_is_not():
  variables = {"params": {"w": 1}, "counts": {"c": 2}}
  trained, rest = split_variables(variables)
  assert trained == {"params": {"w": 1}}
  assert rest == {"counts": {"c": 2}}
  assert split_variables({"params": {}})[1] == {}
