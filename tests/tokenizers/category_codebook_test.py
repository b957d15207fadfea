import jax.numpy as jnp
import numpy as np

from gr_jax.tokenizers import category_codebook

LATENTS = jnp.array([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0], [0.0, 6.0]])
CATEGORIES = jnp.array([0, 0, 2, -1])


def test_a_known_category_is_the_code_and_an_unknown_one_the_nearest():
  codebook = jnp.array([[9.0, 9.0], [0.0, 6.0], [0.0, 0.0]])
  assign = category_codebook.known_or_nearest(CATEGORIES)
  np.testing.assert_array_equal(assign(LATENTS, codebook), [0, 0, 2, 1])


def test_rows_are_means_of_known_categories_and_stay_where_none_occurs():
  rows = jnp.full((3, 2), 7.0)
  found = category_codebook.category_means(LATENTS, CATEGORIES, rows)
  np.testing.assert_allclose(found, [[2, 0], [7, 7], [0, 5]])


def test_unknown_is_not_a_category_that_occurs():
  found = category_codebook.occurring(CATEGORIES, num_categories=4)
  np.testing.assert_array_equal(found, [True, False, True, False])
