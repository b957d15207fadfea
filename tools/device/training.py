"""Training: tokens a second, and the share of the chip's bfloat16 peak.

A row is a prompt and one branch. The share counts the dense products alone,
`6 · weights · positions`: no attention, no head, nothing that is done again
(`remat`). It is of the vendor's peak where `chips` knows it, else of the
product that `machine` measures here.
"""

import time
from collections.abc import Iterator

import jax
import numpy as np

from gr_jax.parallel.mesh import put_batch
from gr_jax.training.throughput import dense_flops
from tools.benchmarks.generator import Sizes
from tools.device import programs
from tools.device.chips import chip_of
from tools.device.figure import Clock, Figure
from tools.device.forms import Form
from tools.device.machine import product_flops
from tools.device.timing import seconds_of_calls, spread

# What the backward pass recomputes, tried in this order at every batch size.
_REMAT = ("none", "dots", "full")


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """Every model, the one with a bar first."""
  chip = chip_of(jax.local_devices()[0].device_kind)
  peak = chip.flops if chip else product_flops(form.product, clock)
  for name, sizes in form.models.items():
    # A plan may not be all: memory lies in pieces, and others use some.
    for limit in (memory_limit(), memory_limit() / 2):
      try:
        yield from list(_figures(name, sizes, form, clock, peak, limit))
        break
      except jax.errors.JaxRuntimeError as error:
        if not is_exhausted(error) or limit < memory_limit():
          raise


def is_exhausted(error: Exception) -> bool:
  return "RESOURCE_EXHAUSTED" in str(error)


def _figures(
  name: str,
  sizes: Sizes,
  form: Form,
  clock: Clock,
  peak: float,
  limit: float,
) -> Iterator[Figure]:
  mesh = programs.first_device()
  with jax.set_mesh(mesh):
    rows, remat, compiled, shapes, seconds = fitting(
      sizes, form.batches, mesh, limit
    )
    yield Figure(name, "rows", rows)
    yield Figure(name, "remat", remat)
    yield Figure(name, "compile_s", seconds)
    state = programs.random_state(shapes)
    flops = dense_flops(shapes.params, rows * programs.positions(sizes))
    batch = put_batch(programs.training_batch(sizes, rows), mesh)
    metrics = {}

    def step(_):
      nonlocal state, metrics
      state, metrics = compiled(state, batch)
      return metrics

    found = seconds_of_calls(step, calls=form.steps, clock=clock)
  loss = float(metrics["train/loss"])
  if not np.isfinite(loss):
    raise FloatingPointError(f"{name}: the loss is {loss}.")
  median = float(np.median(found))
  yield Figure(name, "tokens_per_s", rows * programs.positions(sizes) / median)
  yield Figure(name, "share_of_peak", flops / median / peak)
  for metric, value in spread(found).items():
    yield Figure(name, metric, value)
  yield from programs.figures_of(
    f"training step {name}, {rows} rows, remat {remat}",
    seconds=median,
    compiled=compiled,
    passes=programs.training_passes(shapes.params, sizes, rows=rows),
  )


def memory_limit() -> float:
  """Bytes that a program may use; no limit where the device names none."""
  stats = jax.local_devices()[0].memory_stats() or {}
  return 0.85 * stats.get("bytes_limit", float("inf"))


def fitting(sizes: Sizes, batches: tuple[int, ...], mesh, limit: float):
  """The largest batch whose step fits, with as little remat as it needs.

  Returns:
    Rows, remat, the compiled step, the shapes of its state, and the seconds of
    its own compilation.

  Raises:
    MemoryError: not even the smallest fits.
  """
  for rows in batches:
    for remat in _REMAT:
      model = programs.decoder(sizes, remat=remat)
      if least_bytes(model, sizes, rows) > limit:
        continue
      start = time.perf_counter()
      lowered, shapes = programs.training_step(
        model, programs.training_batch(sizes, rows), mesh
      )
      try:
        compiled = lowered.compile()
      except jax.errors.JaxRuntimeError as error:
        if not is_exhausted(error):
          raise
        continue
      if programs.planned_bytes(compiled) <= limit:
        seconds = time.perf_counter() - start
        return rows, remat, compiled, shapes, seconds
  raise MemoryError(f"no batch of {batches} rows fits {limit / 2**30:.1f} GiB.")


def least_bytes(model, sizes: Sizes, rows: int) -> float:
  """A lower bound of a step's memory, so that hopeless sizes cost no compiler.

  Parameters, two moments and gradients in float32, and what the blocks keep:
  their inputs, and without remat the results of their products as well.
  """
  c = model.config
  weights = programs.block_weights(sizes) + sizes.vocabulary * c.width
  kept = c.width
  if c.remat != "full":
    kept += (c.heads + 2 * c.kv_heads) * c.head_size + 2 * c.feed_forward
  positions = rows * programs.positions(sizes)
  return 16 * weights + 4 * c.layers * kept * positions
