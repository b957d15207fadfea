"""The costs of a catalogue: its build, and changes to it.

Beside them are what other benchmarks search: random IDs, and random scores in
place of a model. The peers are in `constraint`; none of them takes a change to
the catalogue without a new build.
"""

import functools
import time
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.beams import best_candidates, next_log_probs, root
from gr_jax.decoding.live_trie import make_live_trie
from gr_jax.decoding.trie import build_trie
from tools.benchmarks.contender import Contender, Limit, Run, Section

SIZES = {"ids": 1_000_000, "level_sizes": (256, 256, 256, 256)}


def section(
  *, sizes=SIZES, builds: int = 3, changes: int = 20, changed: int = 1000
) -> Section:
  """Builds, and changes to what is built."""
  here = "tools.benchmarks.trie"
  contenders = (
    Contender(
      "gr_jax build", f"{here}:make_build", sizes, builds, sizes["ids"]
    ),
    Contender(
      f"gr_jax add {changed:,} and remove them",
      f"{here}:make_changes",
      sizes | {"changed": changed},
      units=changes,
      items=2 * changed,
    ),
  )
  limits = (Limit("gr_jax build", "wall_seconds", 0.5),)
  levels = sizes["level_sizes"]
  title = f"trie of {sizes['ids']:,} IDs, {len(levels)} x {levels[0]}"
  return Section("trie", title, "call", "IDs", contenders, (), limits)


def cpu_seconds(function, *arguments) -> float:
  """CPU seconds until the function's arrays are there."""
  start = time.process_time()
  jax.block_until_ready(function(*arguments))
  return time.process_time() - start


def random_ids(
  count: int, level_sizes: Sequence[int], *, seed: int
) -> np.ndarray:
  """`[count, L]` int32 distinct rows, sorted."""
  rng = np.random.default_rng(seed)
  space = int(np.prod(level_sizes))
  numbers = np.sort(rng.integers(space, size=count + count // 4))
  numbers = numbers[np.diff(numbers, prepend=-1) > 0]
  kept = rng.choice(len(numbers), count, replace=False, shuffle=False)
  numbers = numbers[np.sort(kept)]
  return np.stack(np.unravel_index(numbers, level_sizes), -1).astype(np.int32)


def dictionary_trie(ids: np.ndarray) -> dict[tuple, np.ndarray]:
  """From every prefix of sorted IDs to the codes that follow it."""
  found: dict[tuple, dict[int, None]] = {}
  for row in ids.tolist():
    for level, code in enumerate(row):
      found.setdefault(tuple(row[:level]), {})[code] = None
  return {prefix: np.array([*codes]) for prefix, codes in found.items()}


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

  def seconds(change) -> float:
    return cpu_seconds(lambda: change(rows[new]).trie)

  def run():
    more = live.add(rows[new])
    turns = [(seconds(live.add), seconds(more.remove)) for _ in range(units)]
    add, remove = 1e3 * np.median(turns, axis=0)
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
