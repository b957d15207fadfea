"""k-means and RQ-VAE: the library's side.

Lloyd's iterations of one level with the library's own seeds, and steps of an
RQ-VAE in one dispatch. The peer is `torch_tokenizers`.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering import kmeans
from tools.benchmarks import rq_vae
from tools.benchmarks.vectors import clustered_vectors
from tools.device.figure import OURS, Clock, Figure
from tools.device.forms import Form
from tools.device.timing import seconds_of_calls, spread

ITERATIONS = 10
STEPS = 20


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """Seconds of a fit with its error, then those of a training step."""
  vectors = clustered_vectors(*form.vectors)
  energy = float(np.square(vectors).sum() / len(vectors))
  on_device = jnp.asarray(vectors)

  def fit(n):
    return kmeans.fit(
      on_device,
      num_clusters=form.clusters,
      key=jax.random.key(n),
      iterations=ITERATIONS,
      tolerance=0.0,
    )

  seconds = seconds_of_calls(fit, calls=5, clock=clock, share=0.1)
  error = float(fit(0).error) / energy
  yield from tokenizer_figures(
    f"k-means, {form.clusters} clusters", seconds, error=error
  )
  batch = form.rq_vae["batch"]
  for dtype in ("bfloat16", "float32"):
    run = rq_vae.make(units=STEPS, dtype=dtype, **form.rq_vae)
    seconds = seconds_of_calls(
      lambda _, run=run: run(), calls=5, clock=clock, share=0.1
    )
    yield from tokenizer_figures(
      f"RQ-VAE step, batch {batch}, {dtype}", seconds / STEPS
    )


def tokenizer_figures(
  what: str, seconds: np.ndarray, *, error: float | None = None, side=OURS
) -> Iterator[Figure]:
  """The median, and the share of the vectors' energy that is left."""
  yield Figure(what, "median_ms", spread(seconds)["median_ms"], side)
  if error is not None:
    yield Figure(what, "error", error, side)
