"""Four bits for retrieval: EG-GRPO that explores in NVFP4, and NVFP4 served.

  python -m gr_jax.main --config=configs/fp4_claim.py

One generator per seed is aligned in six ways, which differ in how many
candidates a prompt gets and in what draws them: the group alone, or four times
as many of which the most contrastive are learned (Sol-RL, arXiv 2604.06916),
drawn in sixteen bits, by weights in NVFP4, MXFP4 or INT4, or with activations
in NVFP4 as well. And the generator before that is searched with its weights in
NVFP4. Five seeds, a made-up shop, hit rates on the test period with paired
intervals. About an hour on a CPU core or two; a run that is cut off goes on
where it was. Presets: `tiny` (shows that it runs, not what is true).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs import eg_grpo_claim

PRESETS = eg_grpo_claim.PRESETS
ALIGNED = ("group", "wide", "w4a16", "w4a4", "mxfp4", "int4")


def get_config(preset: str = "") -> ConfigDict:
  config = eg_grpo_claim.get_config(preset)
  config.name = "fp4_claim"
  config.experiment = "studies.fp4"
  config.align.name = "fp4_claim"
  config.align.experts = "append"
  config.choices = {}
  shop = config.worlds.shop_world
  config.worlds = {"shop_world": shop}
  config.variants = ("sft", "served", *ALIGNED)
  if preset == "tiny":
    config.variants = ("sft", "served", "group", "w4a16")
  return config
