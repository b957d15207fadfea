import numpy as np

from gr_jax.rl.pictures.figures import picture_figures


def test_figures_show_brightness_saturation_and_diversity():
  rng = np.random.default_rng(0)
  pictures = rng.normal(size=(8, 4, 3)).astype(np.float32)
  rewards = pictures.mean(axis=-1)
  found = picture_figures(pictures, rewards)
  expected = {
    "brightness": np.abs(pictures).mean(),
    "saturation": (np.abs(pictures) > 1).mean(),
    "diversity": pictures.std(axis=1).mean(),
    "reward": pictures.mean(),
    "reward_spread": rewards.std(axis=1).mean(),
  }
  assert found.keys() == {f"align/{name}" for name in expected}
  for name, value in expected.items():
    np.testing.assert_allclose(found[f"align/{name}"], value, rtol=1e-4)
