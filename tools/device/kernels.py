"""Every attention that this device offers against the plain one, here.

Values, and gradients of queries, keys and values, under the masks that programs
use: a text with padding, a prompt with branches, pages, sequences that share a
row; and of beams that share a prompt against one sequence a beam. The plain one
runs in whole float32 products. Kernels multiply bfloat16, and what they do with
padding nothing reads.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.nn import attention_choice as choice
from gr_jax.nn import attention_mask as mask
from gr_jax.nn.attention import (
  BeamCache,
  BeamPlace,
  KeyValues,
  attend,
  attend_from_beams,
)
from gr_jax.nn.precision import dot_general
from tools.device.equality import relative_gap
from tools.device.figure import Clock, Figure
from tools.device.forms import Form
from tools.device.timing import seconds_of_calls, spread

# Of the largest number. Products of bfloat16 numbers, 8 bits each, summed in
# float32; the beams' products are whole float32 ones on both sides.
KERNEL_TOLERANCE, BEAM_TOLERANCE = 2e-2, 1e-4

Attend = Callable[[jax.Array, KeyValues], jax.Array]


class Mask(Protocol):
  """Who attends to whom."""

  def dense(self) -> jax.Array:
    """`[B, T, S]`, or broadcast to it."""
    ...


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """Beams first, which every device has, then the kernels of this one."""
  yield from _beams(form)
  *sizes, head_size = form.attention
  # What a kernel does with a mask may depend on the room in a head.
  for size in (head_size, head_size // 2):
    of_size = dataclasses.replace(form, attention=(*sizes, size))
    for what, there, rule, kernel in kernels(of_size):
      name = f"{what}, head size {size}"
      yield from compared(name, there, rule, kernel, of_size, clock)


def kernels(form: Form) -> Iterator[tuple[str, jax.Array, Mask, Attend]]:
  """(name, which rows are read, mask, the kernel's attention) of this device.

  None where the library chooses the plain form.
  """
  for name, there, rule in masks(form):
    found = choice.choose_attention(
      rule,
      "auto",
      head_size=form.attention[-1],
      dot_general=dot_general("bfloat16"),
    )
    if not isinstance(found, jax.Array):
      kernel = choice.KERNELS[choice.current_platform()]
      yield f"{kernel}, {name}", there, rule, found.attend


def masks(form: Form) -> Iterator[tuple[str, jax.Array, Any]]:
  """The masks of programs, for `B` rows of `T` positions."""
  B, S, branches, length, *_ = form.attention
  T = S + branches * length
  rng = np.random.default_rng(0)
  padding = rng.integers(0, S // 2, B)
  there = jnp.asarray(np.arange(T) >= padding[:, None])
  everywhere = jnp.ones((B, T), bool)
  page = np.maximum(0, (np.arange(T) - S) // length + 1)
  pages = jnp.asarray(np.tile(page, (B, 1)), jnp.int32)
  shared = jnp.asarray(np.sort(rng.integers(0, 4, (B, T))), jnp.int32)
  yield "padded text", there, mask.causal_mask(there)
  yield "branches", there, mask.branch_mask(there, branches, length)
  yield "pages", there, mask.page_mask(there, pages, page_count=branches)
  yield "shared rows", everywhere, mask.packed_mask(everywhere, shared)


def compared(
  what: str,
  there: jax.Array,
  mask: Mask,
  kernel: Attend,
  form: Form,
  clock: Clock,
) -> Iterator[Figure]:
  """Gaps of a kernel from the plain form, and the milliseconds of both."""
  B, _, _, _, H, K, h = form.attention
  T = there.shape[1]
  q, k, v, weights = _drawn((B, T, H, h), (B, T, K, h), (B, T, K, h),
                            (B, T, H * h))  # fmt: skip
  weights = jnp.where(there[..., None], weights, 0)
  dense = mask.dense()

  def plain(queries, cached):
    return attend(queries, cached, dense)

  given = q, k, v, weights
  with jax.default_matmul_precision("highest"):
    expected = jax.block_until_ready(_values_and_gradients(plain)(*given))
  # Timed as programs run it, in the products that the device has by default.
  sides = {"plain": _values_and_gradients(plain)}
  sides["kernel"] = _values_and_gradients(kernel)
  found = sides["kernel"](*given)
  names = ("values", "gradient of q", "gradient of k", "gradient of v")
  gap = 0.0
  for name, ours, theirs in zip(names, found, expected):
    one = relative_gap(_read(ours, there), _read(theirs, there))
    gap = max(gap, one)
    yield Figure(what, f"gap of {name}", one)
  yield Figure(what, "tolerance", KERNEL_TOLERANCE)
  yield Figure(what, "equal", gap <= KERNEL_TOLERANCE)
  for name, run in sides.items():
    seconds = seconds_of_calls(
      lambda _, run=run: run(*given), calls=20, clock=clock, share=0.02
    )
    yield Figure(what, f"{name}_ms", spread(seconds)["median_ms"])


def _read(x: jax.Array, there: jax.Array) -> np.ndarray:
  flat = np.asarray(x, np.float32).reshape(*there.shape, -1)
  return np.where(np.asarray(there)[..., None], flat, 0)


def _values_and_gradients(run: Attend):
  def both(q, k, v, weights):
    def loss(q, k, v):
      out = run(q, KeyValues(k, v))
      return (out * weights).sum(), out

    grads, out = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(q, k, v)
    return out, *grads

  return jax.jit(both)


def _beams(form: Form) -> Iterator[Figure]:
  """Beams that share a prompt, against a sequence for each beam."""
  B, S, beams, length, H, K, h = form.attention
  q, keys, values, own_keys, own_values = _drawn(
    (B, beams, H, h),
    (B, S, K, h),
    (B, S, K, h),
    (B, beams, length, K, h),
    (B, beams, length, K, h),
  )
  there = jnp.asarray(np.arange(S) >= np.arange(B)[:, None])
  slot = length - 1
  with jax.default_matmul_precision("highest"):
    found = jax.jit(attend_from_beams)(
      q,
      BeamCache(KeyValues(keys, values), KeyValues(own_keys, own_values)),
      BeamPlace(there, slot),
    )
    whole = [
      jnp.concatenate((jnp.repeat(shared, beams, 0), flat), axis=1)
      for shared, flat in (
        (keys, own_keys.reshape(-1, length, K, h)),
        (values, own_values.reshape(-1, length, K, h)),
      )
    ]
    mask = jnp.pad(
      jnp.repeat(there, beams, 0), ((0, 0), (0, length)), constant_values=True
    )
    expected = jax.jit(attend)(
      q.reshape(B * beams, 1, H, h), KeyValues(*whole), mask[:, None]
    )
  gap = relative_gap(found, np.asarray(expected).reshape(B, beams, H * h))
  yield Figure("beams", "gap of values", gap)
  yield Figure("beams", "tolerance", BEAM_TOLERANCE)
  yield Figure("beams", "equal", gap <= BEAM_TOLERANCE)


def _drawn(*shapes: tuple[int, ...]) -> list[jax.Array]:
  keys = jax.random.split(jax.random.key(0), len(shapes))
  return [jax.random.normal(key, shape) for key, shape in zip(keys, shapes)]
