"""The costs of a catalogue to the search: the build, and each step in it.

The model is random logits, the same for every request, so that the time is
the search's own; beside it stands the same search without a catalogue. The
peers are in `constraint`; none of them takes a change to the catalogue without
a new build.
"""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.beams import (
  best_candidates,
  next_log_probs,
  root,
)
from gr_jax.decoding.live_trie import make_live_trie
from gr_jax.decoding.trie import build_trie
from tools.benchmarks.contender import (
  LIBRARY_START,
  Contender,
  Limit,
  Run,
  Section,
)

SIZES = {"ids": 1_000_000, "level_sizes": [256, 256, 256, 256]}


def section(
  *,
  sizes=SIZES,
  beam: int = 50,
  builds: int = 3,
  searches: int = 200,
  changes: int = 20,
  changed: int = 1000,
) -> Section:
  """Build, changes, and searches with and without the trie in turns."""
  here = "tools.benchmarks.trie"
  steps = searches * len(sizes["level_sizes"])
  contenders = (
    Contender(
      "gr_jax build",
      f"{here}:make_build",
      sizes,
      units=builds,
      items=sizes["ids"],
      setup=LIBRARY_START,
    ),
    Contender(
      f"gr_jax add {changed:,} and remove them",
      f"{here}:make_changes",
      sizes | {"changed": changed},
      units=changes,
      items=2 * changed,
      setup=LIBRARY_START,
    ),
    Contender(
      f"gr_jax beam {beam}",
      f"{here}:make_search",
      sizes | {"beam": beam},
      batch=1,
      units=searches,
      setup=LIBRARY_START,
    ),
  )
  limits = (Limit("gr_jax build", "wall_seconds", 0.5),)
  title = (
    f"trie of {sizes['ids']:,} IDs, {len(sizes['level_sizes'])} x "
    f"{sizes['level_sizes'][0]}; {steps} steps a round"
  )
  return Section("trie", title, "call", "IDs", contenders, (), limits)


def random_ids(count: int, level_sizes: list[int], *, seed: int) -> np.ndarray:
  """`[count, L]` int32 distinct rows, sorted."""
  rng = np.random.default_rng(seed)
  space = int(np.prod(level_sizes))
  numbers = np.sort(rng.integers(space, size=count + count // 4))
  numbers = numbers[np.diff(numbers, prepend=-1) > 0]
  kept = rng.choice(len(numbers), count, replace=False, shuffle=False)
  numbers = numbers[np.sort(kept)]
  return np.stack(np.unravel_index(numbers, level_sizes), -1).astype(np.int32)


def random_scores(level_sizes, beam: int) -> tuple[jax.Array, ...]:
  """Per level log-probabilities `[beam, C_l]`."""
  keys = jax.random.split(jax.random.key(0), len(level_sizes))
  return tuple(
    jax.nn.log_softmax(jax.random.normal(key, (beam, size)))
    for key, size in zip(keys, level_sizes)
  )


def make_build(*, units, ids, level_sizes) -> Run:
  rows = random_ids(ids, level_sizes, seed=0)

  def run():
    for _ in range(units):
      trie = jax.block_until_ready(build_trie(rows, level_sizes))
    return {"bytes_per_id": trie.bytes_per_id}

  return run


def make_changes(*, units, ids, level_sizes, changed) -> Run:
  """IDs put into a live catalogue of `ids` and taken out again."""
  rows = random_ids(ids + changed, level_sizes, seed=0)
  new = np.zeros(len(rows), bool)
  rng = np.random.default_rng(1)
  new[rng.choice(len(rows), changed, replace=False)] = True
  live = make_live_trie(rows[~new], level_sizes, capacity=len(rows))

  def milliseconds(change) -> float:
    start = time.process_time()
    jax.block_until_ready(change(rows[new]).trie)
    return 1e3 * (time.process_time() - start)

  def run():
    more = live.add(rows[new])
    turns = [
      (milliseconds(live.add), milliseconds(more.remove)) for _ in range(units)
    ]
    add, remove = np.median(turns, axis=0)
    return {"add_milliseconds": add, "remove_milliseconds": remove}

  return run


class ScoreTable:
  """A `Generator` that reads its log-probabilities from a table."""

  def prefill(self, params, prompt):
    """The first level's row for every request of `prompt` `[B]`."""
    log_probs = params[0][0]
    return jnp.broadcast_to(log_probs, (len(prompt), len(log_probs))), ()

  def decode_step(self, params, codes, parents, cache, *, level):
    """Row `m` of the level for beam `m`, whatever it stands for."""
    del parents
    log_probs = params[level][: codes.shape[1]]
    return jnp.broadcast_to(log_probs, (len(codes), *log_probs.shape)), cache


def unconstrained_search(
  generator, params, prompt, *, levels: int, beam_size: int
):
  """The steps of `beam_search` where every code is allowed."""
  log_probs, cache = generator.prefill(params, prompt)
  beams = root(len(log_probs))
  log_probs = log_probs[:, None]
  for level in range(levels):
    if level:
      log_probs, cache = next_log_probs(
        generator, params, beams, cache, level=level
      )
    scores = beams.scores[..., None] + log_probs
    kept = min(beam_size, scores[0].size)
    scores, parents, codes = best_candidates(scores, kept)
    beams = beams.step(jnp.zeros_like(codes), scores, codes, parents)
  return beams.scores, beams.codes


def compiled_searches(generator, *, levels: int, beam: int):
  """Compiles a search in a trie, and the same search over all codes.

  Returns:
    `search(params, prompt, trie)` and `search(params, prompt)`.
  """
  return (
    jax.jit(functools.partial(beam_search, generator, beam_size=beam)),
    jax.jit(
      functools.partial(
        unconstrained_search, generator, levels=levels, beam_size=beam
      )
    ),
  )


def make_search(*, units, ids, level_sizes, beam) -> Run:
  """Searches with and without the trie in turns; microseconds per step."""
  trie = build_trie(random_ids(ids, level_sizes, seed=0), level_sizes)
  params, prompt = random_scores(level_sizes, beam), jnp.zeros(1, jnp.int32)

  constrained, unconstrained = compiled_searches(
    ScoreTable(), levels=len(level_sizes), beam=beam
  )

  def microseconds(search, *catalogue) -> float:
    start = time.process_time()
    jax.block_until_ready(search(params, prompt, *catalogue))
    return 1e6 * (time.process_time() - start) / len(level_sizes)

  def run():
    turns = [
      (microseconds(constrained, trie), microseconds(unconstrained))
      for _ in range(units)
    ]
    inside, without = np.median(turns, axis=0)
    return {
      "step_microseconds": inside,
      "unconstrained_step_microseconds": without,
      "overhead_microseconds": inside - without,
    }

  return run
