"""Search by `transformers`' `generate` beside ours: beams inside a trie.

bfloat16 weights, `num_beams`, and `prefix_allowed_tokens_fn` over a dictionary
from every prefix to the codes that follow it, as published retrievers do it. It
repeats the prompt for every beam before it reads it.
"""

from collections.abc import Iterator

import numpy as np
import torch

from tools.benchmarks.generator import Sizes
from tools.benchmarks.trie import dictionary_trie
from tools.device.figure import Clock, Figure
from tools.device.forms import Form
from tools.device.search import latency_figures
from tools.device.torch_device import SIDE, device, seconds_of_calls
from tools.device.torch_models import make_model

_CALLS = 20


def check(form: Form, clock: Clock) -> Iterator[Figure]:
  """Every pair of beam and batch that a peer is given."""
  sizes = form.deployment
  search = make_search(sizes)
  length = 2 + sizes.history
  for beam, batch in form.peer_searches:
    given = [sizes.tokens(batch, length, seed=n) for n in range(4)]

    def answer(n, given=given, beam=beam):
      return search(given[n % len(given)], beam)

    try:
      seconds = seconds_of_calls(
        answer, calls=min(_CALLS, form.calls), clock=clock, share=0.3
      )
    except torch.OutOfMemoryError:
      torch.cuda.empty_cache()
      continue
    what = f"beam {beam}, batch {batch}"
    yield from latency_figures(what, seconds, batch, SIDE)


def make_search(sizes: Sizes):
  """`search(tokens [B, T], beam)`: codes `[B, beam, L]`."""
  levels, length = len(sizes.level_sizes), 2 + sizes.history
  model = make_model(sizes, torch.bfloat16, positions=length + levels).eval()
  children = {
    prefix: codes.tolist()
    for prefix, codes in dictionary_trie(
      sizes.catalogue() + sizes.code_offsets
    ).items()
  }

  def allowed(_, sentence):
    return children[tuple(sentence[length:].tolist())]

  @torch.inference_mode()
  def search(tokens: np.ndarray, beam: int) -> np.ndarray:
    given = torch.from_numpy(tokens).long().to(device())
    found = model.generate(
      given,
      attention_mask=torch.ones_like(given),
      num_beams=beam,
      num_return_sequences=beam,
      max_new_tokens=levels,
      min_new_tokens=levels,
      do_sample=False,
      length_penalty=0.0,
      prefix_allowed_tokens_fn=allowed,
    )
    codes = found[:, -levels:].cpu().numpy() - sizes.code_offsets
    return codes.reshape(len(tokens), beam, levels)

  return search
