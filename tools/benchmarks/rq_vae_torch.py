"""RQ-VAE in torch, in the arrangement of LC-Rec, written anew.

Loss, codebooks by gradient, nearest codes and AdamW are LC-Rec's. Left out are
what the library's step does not do either (gradient clipping, Sinkhorn at the
last level) and its data loader: rows are drawn from a resident tensor.
"""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tools.benchmarks.contender import Run
from tools.benchmarks.vectors import clustered_vectors


def _mlp(widths) -> nn.Sequential:
  layers = []
  for before, after in itertools.pairwise(widths):
    layers += [nn.Linear(before, after), nn.ReLU()]
  return nn.Sequential(*layers[:-1])


class _Codebook(nn.Module):
  """Nearest rows and `||sg[r] - e||² + beta ||r - sg[e]||²`."""

  def __init__(self, codes: int, width: int, beta: float):
    super().__init__()
    self.embedding = nn.Embedding(codes, width)
    self.embedding.weight.data.uniform_(-1 / codes, 1 / codes)
    self.beta = beta

  def forward(self, x):
    book = self.embedding.weight
    distances = (
      x.square().sum(1, keepdim=True) + book.square().sum(1) - 2 * x @ book.T
    )
    chosen = self.embedding(distances.argmin(dim=-1))
    loss = F.mse_loss(chosen, x.detach())
    loss = loss + self.beta * F.mse_loss(chosen.detach(), x)
    return x + (chosen - x).detach(), loss


class _RqVae(nn.Module):
  def __init__(self, features, hidden, latent, codes, beta=0.25):
    super().__init__()
    widths = [features, *hidden, latent]
    self.encoder, self.decoder = _mlp(widths), _mlp(widths[::-1])
    self.levels = nn.ModuleList(_Codebook(n, latent, beta) for n in codes)

  def forward(self, x):
    residual = self.encoder(x)
    quantized, losses = 0, []
    for level in self.levels:
      row, loss = level(residual)
      residual = residual - row
      quantized = quantized + row
      losses.append(loss)
    loss = F.mse_loss(self.decoder(quantized), x)
    return loss + torch.stack(losses).mean()


def make(
  *,
  units,
  batch,
  dtype,
  rows,
  features,
  hidden,
  latent,
  codes,
  device: str = "cpu",
) -> Run:
  """Does `units` steps of AdamW."""
  torch.manual_seed(0)
  model = _RqVae(features, hidden, latent, codes).to(device)
  optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
  vectors = torch.from_numpy(clustered_vectors(rows, features)).to(device)

  def run():
    for _ in range(units):
      chosen = vectors[torch.randint(rows, (batch,), device=device)]
      optimizer.zero_grad()
      with torch.autocast(device, torch.bfloat16, dtype == "bfloat16"):
        loss = model(chosen)
      loss.backward()
      optimizer.step()
    return {"loss": loss.item()}

  return run
