"""k-means and RQ-VAE in torch, beside ours.

Lloyd's iterations from random rows: products in bfloat16 where distances are
compared, sums in float32. The RQ-VAE is that of `tools.benchmarks`.
"""

from collections.abc import Iterator

import torch

from tools.benchmarks import rq_vae_torch
from tools.benchmarks.vectors import clustered_vectors
from tools.device.figure import Clock, Figure
from tools.device.forms import Form
from tools.device.tokenizers import ITERATIONS, STEPS, tokenizer_figures
from tools.device.torch_device import SIDE, device, seconds_of_calls


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """Seconds of a fit with its error, then those of a training step."""
  vectors = torch.from_numpy(clustered_vectors(*form.vectors)).to(device())
  energy = float(vectors.square().sum() / len(vectors))

  def fit(n):
    return lloyd(vectors, form.clusters, seed=n)

  seconds = seconds_of_calls(fit, calls=5, clock=clock, share=0.1)
  yield from tokenizer_figures(
    f"k-means, {form.clusters} clusters",
    seconds,
    error=fit(0) / energy,
    side=SIDE,
  )
  batch = form.rq_vae["batch"]
  for dtype in ("bfloat16", "float32"):
    run = rq_vae_torch.make(
      units=STEPS, dtype=dtype, device=device().type, **form.rq_vae
    )
    seconds = seconds_of_calls(
      lambda _, run=run: run(), calls=5, clock=clock, share=0.1
    )
    yield from tokenizer_figures(
      f"RQ-VAE step, batch {batch}, {dtype}", seconds / STEPS, side=SIDE
    )


def lloyd(x: torch.Tensor, clusters: int, *, seed: int) -> float:
  """The mean squared distance to the nearest of `clusters` centroids."""
  torch.manual_seed(seed)
  chosen = torch.randperm(len(x), device=x.device)[:clusters]
  centroids, rounded = x[chosen], x.bfloat16()
  for _ in range(ITERATIONS):
    codes = _nearest(rounded, centroids)
    sums = torch.zeros_like(centroids).index_add_(0, codes, x)
    counts = torch.bincount(codes, minlength=clusters)[:, None]
    centroids = torch.where(counts > 0, sums / counts.clamp(min=1), centroids)
  codes = _nearest(rounded, centroids)
  return float((x - centroids[codes]).square().sum(1).mean())


def _nearest(rounded: torch.Tensor, centroids: torch.Tensor) -> torch.Tensor:
  products = (rounded @ centroids.bfloat16().T).float()
  return (centroids.square().sum(1) - 2 * products).argmin(1)
