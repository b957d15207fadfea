import jax.numpy as jnp
import numpy as np

from gr_jax.generators.priors.left_out import LeftOut
from gr_jax.generators.priors.target_known import target_known
from gr_jax.generators.priors.transition_counts import count_transitions
from tests.reference.small_logs import IDS


def test_a_target_is_known_where_a_weight_leads_to_it():
  items = np.array([0, 3, 5, 6, 0, 4])
  owners = np.array([0, 0, 1, 1, 2, 2])
  table = count_transitions(IDS, items, owners, window=1, neighbours=5, last=1)
  history = jnp.asarray(IDS.codes[[5, 0]])[None]
  targets = IDS.codes[[3, 4, 6, 0]][None]
  # 6 follows 5, which is not the newest; 0 is in the history.
  found = target_known(table, history, targets)
  assert found.tolist() == [[True, True, False, False]]
  one, other = IDS.id_of_item[[0, 3]]
  own = LeftOut(
    np.array([[other]]), np.array([[[one, other]]]), np.ones((1, 1))
  )
  found = target_known(table.without(own), history, targets)
  assert found.tolist() == [[False, True, False, False]]
