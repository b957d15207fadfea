import chex
import jax.numpy as jnp
import optax

from gr_jax.rl.alignment_state import start_alignment


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
