import chex
import jax
import numpy as np
import pytest

from gr_jax.generators.value_scores import value_aware_scores
from tests.reference.small_lazy_ar import apply, built, inputs

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def test_early_states_do_not_depend_on_any_code():
  """`m` is the same for all codes; the scores of codes are not."""
  model, params = built()
  prompt, queries, codes = inputs()
  found = [
    apply(model, params, prompt, queries, each, method=value_aware_scores)
    for each in (codes, np.roll(codes, 1, axis=1))
  ]
  chex.assert_trees_all_equal(found[0].early, found[1].early)
  for level in (1, 2):
    a, b = found[0].codes[level], found[1].codes[level]
    assert not np.allclose(a, b, atol=1e-3)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_code_changes_the_scores_of_later_levels_only(level):
  model, params = built()
  prompt, queries, codes = inputs()
  changed = codes.copy()
  changed[..., level] = (codes[..., level] + 1) % model.level_sizes[level]
  before, after = (
    apply(model, params, prompt, queries, each, method=value_aware_scores)
    for each in (codes, changed)
  )
  same = [np.array_equal(a, b) for a, b in zip(before.codes, after.codes)]
  assert same == [later <= level for later in range(3)]
  assert not np.array_equal(before.values, after.values)


def test_branches_do_not_read_each_other():
  model, params = built()
  prompt, queries, codes = inputs()
  together = apply(
    model, params, prompt, queries, codes, method=value_aware_scores
  )
  one = slice(1, 2)
  alone = apply(
    model,
    params,
    prompt,
    queries[:, one],
    codes[:, one],
    method=value_aware_scores,
  )
  for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone)):
    np.testing.assert_allclose(a[:, one], b, **CLOSE)


def test_scores_are_those_of_the_value_aware_pass():
  model, params = built()
  plain = apply(model, params, *inputs())
  both = apply(model, params, *inputs(), method=value_aware_scores)
  for a, b in zip(plain, both.codes):
    np.testing.assert_allclose(a, b, **CLOSE)


def test_a_network_without_buckets_has_no_scores_of_values():
  model, params = built(early=0, buckets=0)
  with pytest.raises(ValueError, match="predicts no values"):
    apply(model, params, *inputs(), method=value_aware_scores)
