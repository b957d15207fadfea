"""A tiny run here and on the CPU: the same figures, within tolerances.

A generator is trained for a few steps and searched with, vectors are clustered,
and an RQ-VAE is trained, first on the CPU of this machine and then on its
device, from the same numbers. float32 products are whole ones here (`highest`),
not of fewer bits as accelerators make them by default.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh

from gr_jax.clustering import kmeans
from gr_jax.decoding.beam_search import beam_search
from gr_jax.generators.build import initializer
from gr_jax.nn.precision import dot_general
from gr_jax.parallel.mesh import DATA
from gr_jax.tokenizers import rq_vae, rq_vae_training
from tools.benchmarks.generator import Sizes
from tools.benchmarks.vectors import clustered_vectors
from tools.device import programs
from tools.device.figure import Clock, Figure
from tools.device.forms import Form

_SIZES = Sizes(
  40,
  level_sizes=(8, 8, 8),
  ids=200,
  batch=16,
  history=11,
  beam=8,
  layers=2,
  width=32,
  heads=4,
  kv_heads=2,
  feed_forward=48,
)
_STEPS = 5


@dataclasses.dataclass(frozen=True)
class Tolerance:
  """The largest difference, relative to the largest number of the CPU's."""

  relative: float


# Sums are in another order. bfloat16 products round each operand, and a sum
# that falls on the other side of a rounding moves on from there. Distances that
# are nearly equal may choose another row.
TOLERANCES = {
  "training losses, float32": Tolerance(1e-4),
  "training losses, bfloat16": Tolerance(2e-2),
  "log-probabilities of a search": Tolerance(1e-4),
  "IDs of a search": Tolerance(0.0),
  "error of k-means": Tolerance(1e-2),
  "RQ-VAE losses": Tolerance(2e-2),
}


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """The gap of every figure, and whether it is within its tolerance."""
  del form, clock
  try:
    cpu = jax.devices("cpu")[0]
  except RuntimeError as error:
    raise RuntimeError(
      "no CPU to compare with: let JAX_PLATFORMS name it as well, as in "
      "JAX_PLATFORMS=cuda,cpu"
    ) from error
  expected = figures_on(cpu)
  found = figures_on(jax.local_devices()[0])
  for name, tolerance in TOLERANCES.items():
    gap = relative_gap(found[name], expected[name])
    yield Figure(name, "gap", gap)
    yield Figure(name, "tolerance", tolerance.relative)
    yield Figure(name, "equal", gap <= tolerance.relative)


def relative_gap(found: np.ndarray, expected: np.ndarray) -> float:
  """`max |found - expected| / max |expected|`; infinity for NaN."""
  found, expected = (np.asarray(x, np.float64) for x in (found, expected))
  gap = np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30)
  return float(gap) if np.isfinite(gap) else float("inf")


def figures_on(device) -> dict[str, np.ndarray]:
  """All figures, computed on one device."""
  with (
    jax.default_device(device),
    jax.default_matmul_precision("highest"),
  ):
    ids, log_probs = _search(device)
    return {
      "training losses, float32": _losses("float32", device),
      "training losses, bfloat16": _losses("bfloat16", device),
      "log-probabilities of a search": log_probs,
      "IDs of a search": ids,
      "error of k-means": _clustering_error(device),
      "RQ-VAE losses": _rq_vae_losses(device),
    }


def _params(model, device) -> Any:
  shapes = nn.unbox(jax.eval_shape(initializer(model, {}), jax.random.key(0)))
  rng = np.random.default_rng(0)
  drawn = jax.tree.map(
    lambda x: 0.2 * rng.standard_normal(x.shape, np.float32), shapes
  )
  return jax.device_put(drawn, device)


def _losses(precision: str, device) -> np.ndarray:
  """Losses of some steps of gradient descent."""
  model, step = _descent(precision)
  params = _params(model, device)
  batch = jax.device_put(programs.training_batch(_SIZES, _SIZES.batch), device)
  found = []
  for _ in range(_STEPS):
    params, value = step(params, batch)
    found.append(float(value))
  return np.array(found)


# Kept, so that a CPU that is compared with itself compiles once.
@functools.cache
def _descent(precision: str):
  model = programs.decoder(_SIZES, precision)
  loss = functools.partial(programs.training_loss, model)

  def step(params, batch):
    value, grads = jax.value_and_grad(
      lambda params: loss(params, batch, key=None)[0]
    )(params)
    return jax.tree.map(lambda p, g: p - 0.05 * g, params, grads), value

  return model, jax.jit(step)


@functools.cache
def _searching():
  model = programs.decoder(_SIZES, "float32")
  search = functools.partial(beam_search, model, beam_size=_SIZES.beam)
  return model, jax.jit(search)


@functools.cache
def _rq_vae_step(config: rq_vae.RqVaeConfig):
  return jax.jit(functools.partial(rq_vae_training.train_step, config=config))


def _search(device) -> tuple[np.ndarray, np.ndarray]:
  model, search = _searching()
  found = jax.device_get(
    search(
      _params(model, device),
      jax.device_put(programs.prompts(_SIZES, _SIZES.batch), device),
      jax.device_put(programs.catalogue(_SIZES), device),
    )
  )
  return found.ids, found.log_probs


def _clustering_error(device) -> np.ndarray:
  vectors = clustered_vectors(500, 16)
  found = kmeans.fit(
    jax.device_put(vectors, device),
    num_clusters=12,
    key=jax.device_put(jax.random.key(0), device),
    matmul=jnp.matmul,
    mesh=Mesh(np.array([device]), (DATA,)),
  )
  nearest = np.asarray(found.centroids)[np.asarray(found.codes)]
  return np.square(vectors - nearest).sum() / np.square(vectors).sum()


def _rq_vae_losses(device) -> np.ndarray:
  config = rq_vae.RqVaeConfig(
    hidden=(24,),
    latent=8,
    levels=(8, 8),
    batch_size=64,
    dot_general=dot_general("float32"),
  )
  rng = np.random.default_rng(0)
  vectors = clustered_vectors(64, 16)
  model = rq_vae.build_model(config, features=16)
  shapes = jax.eval_shape(lambda: rq_vae.init_params(model, jax.random.key(0)))
  params = jax.tree.map(
    lambda x: 0.3 * rng.standard_normal(x.shape, np.float32), shapes
  )
  books = tuple(
    rng.standard_normal((codes, 8), np.float32) / 2**level
    for level, codes in enumerate(config.levels)
  )
  state = rq_vae_training.init_state(
    jax.device_put(params, device), jax.device_put(books, device), config=config
  )
  return _train(
    state,
    jax.device_put(vectors, device),
    _rq_vae_step(config),
  )


def _train(state: Any, batch: jax.Array, step: Callable) -> np.ndarray:
  found = []
  for n in range(_STEPS):
    state, metrics = step(state, batch, jax.random.key(n))
    found.append(float(metrics["loss"]))
  return np.array(found)
