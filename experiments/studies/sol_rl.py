"""Sol-RL (arXiv 2604.06916): what exploring in four bits costs and is worth.

One flow model per world; all arms start from it and differ in what is drawn for
a prompt and what of it is learned: 24 pictures of 24, the extremes of 96 in
sixteen bits, those of 96 in four bits themselves, or their seeds alone, drawn
again in sixteen (Sol-RL).
"""

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from experiments.pictures.align import align_flow, passes
from experiments.pictures.fidelity import explorer_fidelity
from experiments.pictures.measure import measured
from experiments.studies import paired
from experiments.studies.flow_world import FlowWorld
from experiments.studies.sol_rl_page import (
  cost_table,
  distance_table,
  fidelity_table,
  figure,
  heading,
  method,
  run_table,
  score_tables,
)
from experiments.studies.sol_rl_paper import (
  BEFORE,
  CLAIMS,
  DIRECT,
  GROUP,
  METRICS,
  SOL_RL,
  SPEED_UP,
  WIDE,
)
from experiments.studies.study import Study, run_study
from experiments.studies.variant import Run, Variant
from experiments.studies.world import seeded
from gr_jax.data.requests import TEST
from gr_jax.training.metric_writer import read_metrics


def _explores(label: str, *, measured: bool = True, **explore) -> Variant:
  """Sol-RL with changes of section align.explore."""
  changes = {f"align.explore.{name}": value for name, value in explore.items()}
  return Variant(
    label, changes, measured=measured, seeds=None if measured else 1
  )


_SIXTEEN = {"weights": "", "products": "w4a16"}
_OWN = {"steps": 0, "keep_pictures": True}
VARIANTS = {
  BEFORE: Variant("before alignment", deterministic=True),
  GROUP: _explores("24 drawn, 24 learned", candidates=0, weights=""),
  WIDE: _explores("24 of 96 in 16 bits", **_SIXTEEN, **_OWN),
  DIRECT: _explores("24 of 96 in NVFP4, learned as they are", **_OWN),
  SOL_RL: _explores("Sol-RL: 24 of 96, seeds of NVFP4"),
  # Explorers that only rank.
  "bf16_6": _explores("16 bits, 6 steps", measured=False, **_SIXTEEN),
  "bf16_20": _explores(
    "16 bits, 20 steps", measured=False, **_SIXTEEN, steps=20
  ),
  "w4a16": _explores("NVFP4 weights alone", measured=False, products="w4a16"),
  "mxfp4": _explores("MXFP4", measured=False, weights="mxfp4"),
  "int4": _explores(
    "INT4 weights alone", measured=False, weights="int4", products="w4a16"
  ),
  "steps_2": _explores("NVFP4, 2 steps", measured=False, steps=2),
  "steps_4": _explores("NVFP4, 4 steps", measured=False, steps=4),
  "steps_8": _explores("NVFP4, 8 steps", measured=False, steps=8),
  # Sweeps, to be named in `variants`.
  "n48": _explores("Sol-RL: 24 of 48", candidates=48),
  "n72": _explores("Sol-RL: 24 of 72", candidates=72),
}


def measure(run: Run) -> paired.Columns:
  """Aligns the model of the world, if the variant does, and judges it."""
  world, section = run.world, run.config.align
  flow = world.flow
  if section.explore.weights or not run.variant.measured:
    found, artefact = explorer_fidelity(
      run.config, world.folder(0, run.name), flow, world.reward
    )
    world.count(artefact)
    run.note("fidelity", found)
  if not run.variant.measured:
    return {}
  params, artefact = flow.params, flow.artefact
  if run.name != BEFORE:
    section = seeded(section, run.seed)
    section.name = f"{section.name} {run.name}"
    aligned = world.keep(align_flow(section, run.folder, flow, world.reward))
    params, artefact = aligned.params, aligned.artefact
    rows = read_metrics(artefact.directory / "metrics.jsonl")
    run.note("runs", run_figures(rows))
    run.note("cost", passes(section))
  columns, judged = measured(
    flow, params, artefact, run.config.evaluation, run.folder, split=TEST
  )
  world.count(judged)
  world.see(run.name, run.seed, columns["pictures"])
  return {name: columns[name] for name in METRICS if name in columns}


def run_figures(rows: Sequence[Mapping]) -> dict:
  """How an alignment went: its validation rewards, and medians."""
  judged = [row for row in rows if "eval/reward" in row]
  found = {
    "updates": [row["step"] for row in judged],
    "rewards": [row["eval/reward"] for row in judged],
  }
  for name in ("reward_spread", "contrast"):
    values = [row[f"align/{name}"] for row in rows if f"align/{name}" in row]
    if values:
      found[name] = float(np.median(values))
  for name in ("brightness", "saturation", "diversity"):
    values = [row[f"align/{name}"] for row in rows if f"align/{name}" in row]
    found[f"{name}_last"] = values[-1]
  return found


def reached(
  updates: Sequence[float], rewards: Sequence[float], target: float
) -> float:
  """The update at which a curve first reaches `target`; inf if it never does.

  Between validations a curve is taken as straight.
  """
  rewards = np.asarray(rewards, float)
  at = np.flatnonzero(rewards >= target)
  if not len(at):
    return float("inf")
  k = at[0]
  if k == 0:
    return float(updates[0])
  share = (target - rewards[k - 1]) / (rewards[k] - rewards[k - 1])
  return float(updates[k - 1] + share * (updates[k] - updates[k - 1]))


def speed_ups(world: FlowWorld, found: paired.Found) -> list[dict]:
  """Rows of the cost of `GROUP`'s last reward, over that of an arm.

  Means of the curves over seeds; the interval draws seeds, of both arms the
  same. 0 stands for a reward that is never reached, None for one that was there
  at the start.
  """
  runs, cost = world.notes.get("runs", {}), world.facts().get("cost", {})
  rows = []
  for arm in (name for name in found if name in runs and GROUP in runs):
    mine, base = (
      np.array([one["rewards"] for one in runs[name]]) for name in (arm, GROUP)
    )
    updates = runs[arm][0]["updates"]
    dear = cost[GROUP]["all"] / cost[arm]["all"]

    def ratio(seeds, mine=mine, base=base, updates=updates, dear=dear):
      target = base[seeds].mean(axis=0)[-1]
      at = reached(updates, mine[seeds].mean(axis=0), target)
      return dear * updates[-1] / at if at > 0 else np.inf

    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(mine), (1000, len(mine)))
    values = np.array([ratio(seeds) for seeds in draws])
    ends = np.quantile(values, [0.025, 0.975], method="inverted_cdf")
    figures = [ratio(np.arange(len(mine))), *ends]
    rows.append({
      "metric": SPEED_UP, "arm": arm, "baseline": arm,
      **dict(zip(
        ("value", "value_low", "value_high"),
        [float(x) if np.isfinite(x) else None for x in figures],
      )),
      "seeds": len(mine), "n": len(next(iter(found[arm].values()))["reward"]),
    })  # fmt: skip
  return rows


def finish(world: FlowWorld, found: paired.Found) -> list[dict]:
  """Rows of the costs, and of distances from real pictures."""
  pairs = [
    (name, baseline)
    for baseline in AGAINST
    if baseline in found
    for name in found
  ]
  return speed_ups(world, found) + world.distance_rows(pairs)


AGAINST = (GROUP, WIDE, BEFORE)
STUDY = Study(
  name="sol_rl",
  title="Sol-RL: explore in four bits, train in sixteen",
  method=method,
  variants=lambda config: VARIANTS,
  needs=(BEFORE, GROUP),
  users=FlowWorld.users,
  measure=measure,
  against=AGAINST,
  pairs=((SOL_RL, DIRECT),),
  tables=(
    heading,
    score_tables,
    distance_table,
    cost_table,
    fidelity_table,
    run_table,
  ),
  figure=figure,
  headline=("reward", "exact"),
  claims=CLAIMS,
  finish=finish,
  world=FlowWorld,
)
run = functools.partial(run_study, STUDY)
