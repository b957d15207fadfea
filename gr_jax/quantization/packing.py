"""Two four-bit codes in a byte, the even one in the low bits.

That is the order of `float4_e2m1fn` on devices that have the type, of cuBLAS,
and of the files of torchao, modelopt and compressed-tensors. Packed bytes are
stored instead of `float4_e2m1fn`: JAX 0.10 keeps a byte for each number of that
type on CPU (64 MiB for 2^26 numbers, measured; in NumPy's arrays, and so in
checkpoints, as well), and these half of it everywhere. `as_float4` gives the
type where a product takes it.
"""

import jax
import jax.numpy as jnp


def pack(codes: jax.Array) -> jax.Array:
  """`[..., n]` codes below 16 to `[..., n / 2]` bytes.

  Raises:
    ValueError: `n` is odd.
  """
  if codes.shape[-1] % 2:
    raise ValueError(f"codes of shape {codes.shape} are no pairs; pad them.")
  pairs = codes.astype(jnp.int32).reshape(*codes.shape[:-1], -1, 2)
  # A sum, which XLA's CPU backend fuses with what makes the codes; slices of
  # pairs make that eight times as slow.
  return jnp.sum(pairs * jnp.array([1, 16]), axis=-1).astype(jnp.uint8)


def unpack(packed: jax.Array) -> jax.Array:
  """`[..., n / 2]` bytes to `[..., n]` codes (uint8)."""
  pairs = jnp.stack([packed & 15, packed >> 4], axis=-1)
  return pairs.reshape(*packed.shape[:-1], -1)


def as_float4(packed: jax.Array) -> jax.Array:
  """The same bits as `float4_e2m1fn` `[..., n]`, which costs no copy."""
  pairs = jax.lax.bitcast_convert_type(packed, jnp.float4_e2m1fn)
  return pairs.reshape(*packed.shape[:-1], -1)
