"""What exploring in four bits costs and is worth (Sol-RL, arXiv 2604.06916).

  python -m gr_jax.main --config=configs/sol_rl_claim.py

The flow model of `configs/sol_rl.py` is aligned in four ways, which differ in
what is drawn and what of it is learned, by five seeds each; and explorers in
NVFP4, MXFP4, INT4 and sixteen bits, of two to eight steps, rank candidates as
the model does or not. About two hours on a CPU core; a run that is cut off goes
on where it was. `--config.variants` may name sweeps of the number of candidates
as well (`n48`, `n72`). Presets: `emoji` (scenes of real pictures, one seed, an
hour), `tiny` (shows that it runs, not what is true).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs import sol_rl

PRESETS = ("", "tiny", "emoji")
ARMS = ("before", "group", "wide", "direct", "sol_rl")
EXPLORERS = (
  "bf16_6", "bf16_20", "w4a16", "mxfp4", "int4", "steps_2", "steps_4", "steps_8"
)  # fmt: skip


def get_config(preset: str = "") -> ConfigDict:
  if preset not in PRESETS:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), "
      "tiny, emoji."
    )
  config = sol_rl.get_config(preset)
  config.name = "sol_rl_claim"
  config.experiment = "studies.sol_rl"
  config.output = ""
  config.seeds = (0, 1, 2, 3, 4)
  config.variants = (*ARMS, *EXPLORERS)
  config.choices = {}
  config.worlds = {"shapes": {}}
  # As `sol_rl`, or the flow model would be another stage.
  config.align.name = "sol_rl_claim"
  config.align.loop.update(steps=60, eval_every=10)
  if preset == "emoji":
    config.seeds = (0,)
    config.worlds = {"emoji": {}}
    config.flow.loop.steps = 12_000
  if preset == "tiny":
    config.seeds = (0,)
    config.variants = ("before", "group", "sol_rl", "steps_2")
    config.align.loop.update(steps=3, eval_every=3)
  return config
