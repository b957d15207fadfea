"""The `tiny` job made smaller still, as a process of its own."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping

ROOT = pathlib.Path(__file__).parents[2]

SMALL = (
  "--config.tokenizer.vae.steps=20",
  "--config.tokenizer.vae.init_iterations=2",
  "--config.generator.model.layers=1",
  "--config.generator.loop.steps=40",
  "--config.generator.loop.checkpoint_every=10",
  "--config.evaluation.requests=16",
  "--config.evaluation.beam=10",
  "--config.evaluation.unconstrained_beam=2",
  "--config.evaluation.beams=(10,)",
  "--config.evaluation.beam_requests=16",
  "--config.evaluation.batch_size=16",
  "--config.sasrec.training.steps=0",
)

# These runs are about files, not about a mesh.
ENVIRONMENT = {"JAX_NUM_CPU_DEVICES": "1"}


def start(
  config: str,
  workdir: pathlib.Path,
  *arguments: str,
  environment: Mapping[str, str] = os.environ,
) -> subprocess.Popen:
  """Runs a config with `SMALL` and more arguments; its output is a pipe."""
  return subprocess.Popen(
    [
      sys.executable,
      "-m",
      "gr_jax.main",
      f"--config={config}",
      f"--workdir={workdir}",
      *SMALL,
      *arguments,
    ],
    cwd=ROOT,
    env={**environment, **ENVIRONMENT},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    # A group of its own, so that a kill reaches what it may have started.
    start_new_session=True,
  )
