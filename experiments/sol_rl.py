"""Sol-RL (arXiv 2604.06916): explore in four bits, train in sixteen."""

import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.align import align_flow
from experiments.pictures.fidelity import explorer_fidelity
from experiments.pictures.flow import train_flow
from experiments.pictures.measure import measured
from experiments.pictures.objective import objective_of
from experiments.pictures.report import write_picture_report
from experiments.pictures.rewards import build_reward, check_reward
from experiments.pipeline.explore import exploration
from gr_jax.artefacts import locked
from gr_jax.data.requests import TEST


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job: a flow model, its alignment, the report."""
  # What cannot be aligned is refused before anything is trained.
  objective_of(config.align)
  exploration(config.align)
  check_reward(config)
  with locked(workdir):
    flow = train_flow(config, workdir)
    chosen = build_reward(config, workdir, flow.world)
    fidelity, ranked = explorer_fidelity(config, workdir, flow, chosen)
    aligned = align_flow(config.align, workdir, flow, chosen)
    before, aligned_before = measured(
      flow, flow.params, flow.artefact, config.evaluation, workdir, split=TEST
    )
    after, aligned_after = measured(
      flow, aligned.params, aligned.artefact, config.evaluation, workdir,
      split=TEST,
    )  # fmt: skip
    report = write_picture_report(
      config,
      workdir,
      flow,
      fidelity=fidelity,
      found={"before": before, "after": after},
      artefacts={
        "flow": flow.artefact,
        **({"scorer": chosen.artefact} if chosen.artefact else {}),
        "fidelity": ranked,
        "align": aligned.artefact,
        "judge before": aligned_before,
        "judge after": aligned_after,
      },
    )
  said = ", ".join(
    f"{name} {np.mean(before[name]):.3f} to {np.mean(after[name]):.3f}"
    for name in ("reward", "exact", "count", "object")
  )
  print(f"held-out prompts: {said}")
  print(f"report: {workdir / 'report.html'}")
  return report
