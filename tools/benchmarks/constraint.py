"""The costs of a catalogue to a step of the search, beside STATIC.

Random scores stand in for the model, so that the time is the search's own. In
one process the same search runs without a catalogue, in the library's trie and
in STATIC's index, in turns, for catalogues of several sizes; the overhead is
the median of a step less that of an unconstrained one. Both must find the same
IDs.
"""

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.decoding.trie import build_trie
from tools.benchmarks.constraint_static import build_index, static_search
from tools.benchmarks.contender import Contender, Limit, Run, Section
from tools.benchmarks.trie import (
  ScoreTable,
  compiled_searches,
  cpu_seconds,
  random_ids,
  random_scores,
)

SIZES = {"level_sizes": (256, 256, 256, 256), "beam": 50}
COUNTS = (10_000, 100_000, 1_000_000, 10_000_000)


def section(
  *, sizes=SIZES, counts=COUNTS, searches: int = 200, builds: int = 2
) -> Section:
  """Steps in catalogues of all sizes, and the builds of the largest two."""
  here, levels = "tools.benchmarks", sizes["level_sizes"]
  *_, middle, large = counts
  turns = Contender(
    "gr_jax and STATIC",
    f"{here}.constraint:make_turns",
    sizes | {"counts": counts},
    units=searches,
  )
  torch = Contender(
    "rectokens",
    f"{here}.constraint_rectokens:make",
    sizes | {"count": middle},
    units=searches,
    needs=("torch", "rectokens"),
  )
  build = [
    Contender(
      f"gr_jax build {count:,}",
      f"{here}.trie:make_build",
      {"ids": count, "level_sizes": levels},
      units=builds,
      items=count,
    )
    for count in (middle, large)
  ]
  limits = (
    Limit(turns.label, f"share_of_static_{middle}", 1 / 3),
    Limit(turns.label, "growth_microseconds", 30),
    Limit(build[0].label, "bytes_per_id", 6.5),
    Limit(build[1].label, "bytes_per_id", 5),
    Limit(build[0].label, "cpu_seconds", 1e-7 * middle),
    Limit(build[1].label, "cpu_seconds", 1e-7 * large),
  )
  title = (
    f"random scores, {len(levels)} x {levels[0]}, beam {sizes['beam']}; "
    "figures, microseconds a step, are what counts"
  )
  contenders = (turns, torch, *build)
  return Section("constraint", title, "call", "IDs", contenders, (), limits)


def make_turns(*, units, counts, level_sizes, beam) -> Run:
  """Overheads by size, theirs beside ours, and how ours grows."""
  params, prompt = random_scores(level_sizes, beam), jnp.zeros(1, jnp.int32)
  tables = [random_ids(count, level_sizes, seed=0) for count in counts]
  tries = [build_trie(table, level_sizes) for table in tables]
  indices = [build_index(table, max(level_sizes)) for table in tables]

  ours, unconstrained = compiled_searches(
    ScoreTable(), levels=len(level_sizes), beam=beam
  )

  @jax.jit
  def static(params, prompt, index):
    del prompt
    first, *rest = params
    log_probs = (first[:1], *(level[None] for level in rest))
    return static_search(log_probs, index, beam_size=beam)

  check_answers(
    [ours(params, prompt, trie) for trie in tries],
    [static(params, prompt, index) for index in indices],
  )

  def microseconds(search, *catalogue) -> float:
    seconds = cpu_seconds(search, params, prompt, *catalogue)
    return 1e6 * seconds / len(level_sizes)

  def run():
    turns = [
      [microseconds(unconstrained)]
      + [
        microseconds(search, catalogue)
        for pair in zip(tries, indices)
        for search, catalogue in zip((ours, static), pair)
      ]
      for _ in range(units)
    ]
    without, *steps = np.median(turns, axis=0)
    overheads = np.reshape(steps, (-1, 2)) - without
    figures = {"unconstrained": without}
    for count, (inside, theirs) in zip(counts, overheads):
      figures[f"gr_jax_{count}"] = inside
      figures[f"STATIC_{count}"] = theirs
      figures[f"share_of_static_{count}"] = inside / theirs
    figures["growth_microseconds"] = overheads[-1, 0] - overheads[0, 0]
    for count, index in zip(counts, indices):
      figures[f"STATIC_bytes_per_id_{count}"] = index.nbytes / count
    return figures

  return run


def check_answers(ours, theirs) -> None:
  """Raises ValueError unless both found the same IDs in the same order."""
  for one, other in zip(ours, theirs):
    found = np.asarray(one.valid)
    if (np.asarray(other.scores) > -np.inf).sum() != found.sum():
      raise ValueError("STATIC and the library found different numbers of IDs.")
    if (np.asarray(one.codes) != other.codes)[found].any():
      raise ValueError("STATIC and the library found different IDs.")
