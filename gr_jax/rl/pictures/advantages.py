r"""Advantages of pictures, centred on a prompt and scaled by the whole batch.

$$ A_i = \frac{r_i - \mathrm{mean}_{prompt}(r)}{\mathrm{std}_{batch}(r) + ε} $$

A prompt whose pictures earn nearly the same has small advantages then, and not
its rounding blown up (Sol-RL's and DiffusionNFT's `PerPromptStatTracker` with
`global_std`, ε = 1e-4).
"""

import jax
import jax.numpy as jnp


def prompt_advantages(
  rewards: jax.Array, *, epsilon: float = 1e-4
) -> jax.Array:
  """`A` `[B, G]` of rewards `[B, G]`; each prompt's sum to 0."""
  centred = rewards - jnp.mean(rewards, axis=1, keepdims=True)
  return centred / (jnp.std(rewards) + epsilon)
