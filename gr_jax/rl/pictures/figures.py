"""Figures of an update that show early whether pictures degrade."""

import jax
import jax.numpy as jnp


def picture_figures(
  pictures: jax.Array, rewards: jax.Array
) -> dict[str, jax.Array]:
  """Means over pictures `[B, G, ...]` and rewards `[B, G]`, as `align/...`.

  reward        mean
  reward_spread mean standard deviation of a prompt's rewards
  brightness    mean |x0|: pictures that drift to it are hacking
  saturation    the share of numbers beyond what a picture can show
  diversity     mean standard deviation of a number over a prompt's pictures
  """
  found = {
    "reward": jnp.mean(rewards),
    "reward_spread": jnp.mean(jnp.std(rewards, axis=1)),
    "brightness": jnp.mean(jnp.abs(pictures)),
    "saturation": jnp.mean(jnp.abs(pictures) > 1),
    "diversity": jnp.mean(jnp.std(pictures, axis=1)),
  }
  return {f"align/{name}": value for name, value in found.items()}
