"""Training in torch beside ours: the same blocks, positions and scores.

Qwen2's blocks with autocast to bfloat16, its scaled-dot-product attention and a
fused AdamW; codes are scored by the rows of the embedding that name them, as
ours are, not by the whole vocabulary. Not compiled: `torch.compile` alone takes
longer than this tool has.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional as F

from tools.benchmarks.generator import Sizes
from tools.device.figure import Clock, Figure
from tools.device.forms import Form
from tools.device.torch_device import SIDE, device, seconds_of_calls
from tools.device.torch_models import make_model


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """Every model, the one with a bar first."""
  for name, sizes in form.models.items():
    for rows in form.batches:
      try:
        yield from list(_figures(name, sizes, rows, form.steps, clock))
        break
      except torch.OutOfMemoryError:
        torch.cuda.empty_cache()


def _figures(
  name: str, sizes: Sizes, rows: int, steps: int, clock: Clock
) -> Iterator[Figure]:
  step, positions = make_step(sizes, rows)
  seconds = seconds_of_calls(
    lambda _: step(), calls=steps, clock=clock, share=0.3
  )
  median = float(np.median(seconds))
  yield Figure(name, "rows", rows, SIDE)
  yield Figure(name, "tokens_per_s", rows * positions / median, SIDE)
  yield Figure(name, "median_ms", 1e3 * median, SIDE)


def make_step(sizes: Sizes, rows: int):
  """A step of AdamW, and the positions of a row."""
  levels = len(sizes.level_sizes)
  positions = 1 + sizes.history + levels
  model = make_model(sizes, torch.float32, positions=positions).train()
  parameters = list(model.parameters())
  on_gpu = device().type == "cuda"
  optimizer = torch.optim.AdamW(
    parameters, lr=1e-3, weight_decay=0.05, fused=on_gpu
  )
  tokens = torch.from_numpy(sizes.tokens(rows, positions)).long().to(device())
  rng = np.random.default_rng(3)
  codes = [
    torch.from_numpy(rng.integers(C, size=rows)).to(device())
    for C in sizes.level_sizes
  ]
  starts = sizes.code_offsets.tolist()

  def step():
    optimizer.zero_grad()
    with torch.autocast(device().type, torch.bfloat16):
      states = model.model(input_ids=tokens, use_cache=False).last_hidden_state
      table = model.model.embed_tokens.weight
      losses = [
        F.cross_entropy(
          (states[:, level - levels] @ table[start : start + C].T).float(),
          target,
        )
        for level, (start, C, target) in enumerate(
          zip(starts, sizes.level_sizes, codes)
        )
      ]
      loss = sum(losses)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    return loss

  return step, positions
