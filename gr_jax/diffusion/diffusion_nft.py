r"""DiffusionNFT: a flow model learns good pictures and unlearns bad ones.

No path, no likelihood: the loss is that of flow matching, on pictures that the
old policy drew. With the velocities of the trained and of the old policy at a
noised picture, $v_θ$ and $v_{old}$, a picture of optimality $r ∈ [0, 1]$ pulls
a mixture toward itself, and its mirror image is pulled with the rest:

$$ v^+ = β v_θ + (1 - β) v_{old}, \qquad v^- = (1 + β) v_{old} - β v_θ $$
$$ x^± = x_t - t v^±, \qquad w^± = \max(\mathrm{mean}|x^± - x_0|, 10^{-5}) $$
$$ L = A_{max} \left( r \frac{\mathrm{mean}(x^+ - x_0)^2}{w^+ β}
     + (1 - r) \frac{\mathrm{mean}(x^- - x_0)^2}{w^- β} \right) $$

`w` carries no gradient. Where both velocities agree the gradient is `2 r - 1`
times that of a picture with `r = 1`.

Sources: DiffusionNFT (arXiv 2509.16117) and the official code of Sol-RL (arXiv
2604.06916), which weighs `KL` beside it with `mean (v_θ - v_{ref})^2`. Their
configs call this `β` `beta`, and the weight of the divergence `train.beta`.
"""

import jax
import jax.numpy as jnp

from gr_jax.diffusion.rectified_flow import clean

_LEAST_WEIGHT = 1e-5


def optimality(advantages: jax.Array, *, largest: float = 5.0) -> jax.Array:
  """`r = clip(A / (2 A_max) + 1/2, 0, 1)`, of the shape of `advantages`.

  Raises:
    ValueError: `A_max` is not positive.
  """
  if largest <= 0:
    raise ValueError(f"the largest advantage ({largest}) must be positive.")
  bounded = jnp.clip(advantages, -largest, largest)
  return jnp.clip(bounded / (2 * largest) + 0.5, 0.0, 1.0)


def nft_losses(
  velocity: jax.Array,
  old_velocity: jax.Array,
  x: jax.Array,
  x0: jax.Array,
  t: jax.Array,
  optimal: jax.Array,
  *,
  beta: float = 1.0,
  largest: float = 5.0,
) -> jax.Array:
  """`L` of every picture, `[B]` float32.

  Args:
    velocity: `v_θ` `[B, ...]`, through which gradients go.
    old_velocity: `v_old` `[B, ...]`; none go through it.
    x: `x_t` `[B, ...]`.
    x0: the pictures `[B, ...]`.
    t: `[B]`, in (0, 1].
    optimal: `r` `[B]`.
    beta: `β`, above 0: how far both mixtures lie from the old policy.
    largest: `A_max`, by which the loss is scaled as the advantages were.

  Raises:
    ValueError: `β` is not positive.
  """
  if beta <= 0:
    raise ValueError(f"beta ({beta}) must be positive.")
  old = jax.lax.stop_gradient(old_velocity.astype(jnp.float32))
  change = beta * (velocity.astype(jnp.float32) - old)
  good, bad = (
    _distance(clean(x, old + sign * change, t), x0) for sign in (1, -1)
  )
  return largest / beta * (optimal * good + (1 - optimal) * bad)


def _distance(found: jax.Array, x0: jax.Array) -> jax.Array:
  """`mean (x - x_0)^2 / w` of every row."""
  error = found - x0
  axes = tuple(range(1, error.ndim))
  weight = jnp.maximum(jnp.mean(jnp.abs(error), axis=axes), _LEAST_WEIGHT)
  return jnp.mean(error * error, axis=axes) / jax.lax.stop_gradient(weight)


def velocity_divergence(velocity: jax.Array, reference: jax.Array) -> jax.Array:
  """`mean (v_θ - v_ref)^2` of every row, `[B]` float32: the KL term."""
  error = velocity.astype(jnp.float32) - jax.lax.stop_gradient(
    reference.astype(jnp.float32)
  )
  return jnp.mean(error * error, axis=tuple(range(1, error.ndim)))
