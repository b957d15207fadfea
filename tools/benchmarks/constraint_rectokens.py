"""Steps of a constrained search with `rectokens`' trie and torch masking."""

import numpy as np
import torch
from rectokens.decoding.vntk import vtnk_pytorch
from rectokens.schemas.compact_csr_trie import CompactCSRTrie

from tools.benchmarks.contender import Run
from tools.benchmarks.trie import cpu_seconds, random_ids


def make(*, units, count, level_sizes, beam) -> Run:
  """The overhead of the masks over the same search without them."""
  generator = torch.Generator().manual_seed(0)
  scores = [
    torch.randn((beam, size), generator=generator).log_softmax(-1)
    for size in level_sizes
  ]
  table = torch.from_numpy(random_ids(count, level_sizes, seed=0)).long()
  trie = CompactCSRTrie.from_sorted_batch(table, vocab_size=max(level_sizes))
  tensors = (trie.row_ptrs, trie.stacked_cols_vals, trie.dense_states)
  nbytes = sum(x.nbytes for x in (*tensors, *trie.dense_mask_by_layer))

  def microseconds(search) -> float:
    return 1e6 * cpu_seconds(search, scores, trie, beam) / len(level_sizes)

  def run():
    turns = [
      (microseconds(constrained), microseconds(unconstrained))
      for _ in range(units)
    ]
    inside, without = np.median(turns, axis=0)
    return {
      "unconstrained": without,
      f"rectokens_{count}": inside - without,
      f"rectokens_bytes_per_id_{count}": nbytes / count,
    }

  return run


def _best(totals: torch.Tensor, beam: int):
  """Scores, beams and codes of the best of `[M, V]`."""
  best, index = totals.flatten().topk(min(beam, totals.numel()))
  return best, index // totals.shape[1], index % totals.shape[1]


@torch.inference_mode()
def unconstrained(scores, trie, beam: int):
  """Beam search over all codes."""
  del trie
  best, _, codes = _best(scores[0][:1], beam)
  codes = codes[:, None]
  for level in scores[1:]:
    best, parents, code = _best(best[:, None] + level[: len(best)], beam)
    codes = torch.cat((codes[parents], code[:, None]), dim=1)
  return best, codes


@torch.inference_mode()
def constrained(scores, trie: CompactCSRTrie, beam: int):
  """The first two codes by dense tables, the others by sparse rows."""
  first, pairs = trie.dense_mask_by_layer
  best, _, codes = _best(scores[0][:1].where(first, -torch.inf), beam)
  masked = scores[1][: len(best)].where(pairs[codes], -torch.inf)
  best, parents, code = _best(best[:, None] + masked, beam)
  nodes = trie.dense_states[codes[parents], code]
  codes = torch.stack((codes[parents], code), dim=1)
  for step, level in enumerate(scores[2:], start=2):
    children, tokens, masked = vtnk_pytorch(
      level[: len(best)], nodes, trie, step
    )
    best, parents, code = _best(best[:, None] + masked, beam)
    # Which of its parent's children each new beam is.
    chosen = tokens[parents] == code[:, None]
    nodes = children[parents].where(chosen, -1).amax(dim=1)
    codes = torch.cat((codes[parents], code[:, None]), dim=1)
  return best, codes
