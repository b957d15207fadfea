"""The `tiny` job made smaller still, as a process of its own."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]

SMALL = (
  "--config.tokenizer.vae.steps=20",
  "--config.tokenizer.vae.init_iterations=2",
  "--config.generator.model.layers=1",
  "--config.generator.loop.steps=40",
  "--config.generator.loop.checkpoint_every=10",
  "--config.evaluation.requests=16",
  "--config.evaluation.beam=10",
  "--config.evaluation.free_beam=2",
  "--config.evaluation.beams=(10,)",
  "--config.evaluation.beam_requests=16",
  "--config.evaluation.batch_size=16",
)


def start(
  config: str, workdir: pathlib.Path, *arguments: str
) -> subprocess.Popen:
  """One device: these runs are about files, and start faster."""
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
    env=os.environ | {"JAX_NUM_CPU_DEVICES": "1"},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    # A group of its own, so that a kill reaches what it may have started.
    start_new_session=True,
  )
