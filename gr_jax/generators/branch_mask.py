"""Who reads whom, where several continuations follow one prompt."""

import jax
import jax.numpy as jnp


def segment_mask(prompt_mask: jax.Array, segments: jax.Array) -> jax.Array:
  """`[B, S + T, S + T]` for a prompt `[B, S]` and what follows it.

  Causal everywhere; what follows sees the prompt and its own segment.

  Args:
    prompt_mask: `[B, S]`, True where a position says something.
    segments: `[B, T]` or `[1, T]`, from 1 on.
  """
  S = prompt_mask.shape[1]
  segment = jnp.pad(segments, ((0, 0), (S, 0)))
  index = jnp.arange(segment.shape[1])
  visible = (index[:, None] >= index) & (
    (segment[:, None] == 0) | (segment[:, :, None] == segment[:, None])
  )
  there = jnp.pad(
    prompt_mask, ((0, 0), (0, segments.shape[1])), constant_values=True
  )
  return visible & there[:, None, :]


def branch_mask(
  prompt_mask: jax.Array, branches: int, length: int
) -> jax.Array:
  """`segment_mask` of `branches` that are all of one `length`."""
  segments = jnp.repeat(jnp.arange(1, branches + 1), length)
  return segment_mask(prompt_mask, segments[None])
