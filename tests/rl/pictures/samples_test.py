import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.rl.pictures.samples import (
  PictureSamples,
  draw_seeds,
  repeat_prompts,
)


def test_every_picture_is_a_member_that_its_seed_names():
  seeds = jnp.array([[3, 5], [7, 9]])
  samples = PictureSamples({}, seeds, jnp.zeros((2, 2, 4)), {})
  np.testing.assert_array_equal(samples.group.ids, seeds)
  assert samples.group.present.all()
  assert samples.group.sampled.all()


def test_seeds_are_as_many_as_pictures_and_none_is_negative():
  seeds = np.asarray(draw_seeds(jax.random.key(0), 3, 50))
  assert seeds.shape == (3, 50)
  assert seeds.min() >= 0
  assert len(np.unique(seeds)) == seeds.size


def test_a_prompt_is_repeated_before_the_next_one():
  found = repeat_prompts({"x": jnp.array([[1], [2]])}, 2)
  np.testing.assert_array_equal(found["x"], [[1], [1], [2], [2]])
