import chex
import numpy as np
import pytest

from gr_jax.generators import values
from gr_jax.objectives.value_buckets import ValueBuckets, value_buckets


def made(rerank=0.25):
  buckets = value_buckets(np.arange(1.0, 9.0), count=4)
  return buckets, values.value_variables(buckets, rerank=rerank)


def test_the_buckets_of_variables_are_those_that_they_were_made_of():
  buckets, variables = made()
  found = values.buckets_of(variables)
  assert isinstance(found, ValueBuckets)
  np.testing.assert_array_equal(found.edges, buckets.edges)
  np.testing.assert_array_equal(found.means, buckets.means)


def test_variables_are_loaded_as_they_were_saved(tmp_path):
  _, variables = made(rerank=0.75)
  values.save_values(tmp_path, variables)
  assert [file.name for file in tmp_path.iterdir()] == [values.VALUES]
  loaded = values.load_values(tmp_path)
  chex.assert_trees_all_equal(loaded, variables)
  chex.assert_trees_all_equal_dtypes(loaded, variables)


def test_saving_again_replaces_what_was_there(tmp_path):
  for rerank in (0.25, 1.0):
    values.save_values(tmp_path, made(rerank)[1])
  assert values.load_values(tmp_path)["values"]["rerank"] == 1.0


def test_a_generator_without_values_has_none(tmp_path):
  assert values.load_values(tmp_path) == {}
  assert values.load_values(tmp_path / "nowhere") == {}


@pytest.mark.parametrize("rerank", [-0.5, np.nan, np.inf])
def test_values_count_a_finite_number_of_times(rerank):
  with pytest.raises(ValueError, match=f"rerank is {rerank}"):
    made(rerank)


def test_what_was_saved_before_there_was_a_scale_has_none(tmp_path):
  buckets, variables = made()
  kept = {"edges": buckets.edges, "means": buckets.means}
  kept["rerank"] = np.float32(0.25)
  np.savez(tmp_path / values.VALUES, **kept)
  chex.assert_trees_all_equal(values.load_values(tmp_path), variables)
