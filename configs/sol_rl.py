"""Sol-RL: explore in four bits, train in sixteen (arXiv 2604.06916).

  python -m gr_jax.main --config=configs/sol_rl.py

A small flow model learns to draw scenes of coloured shapes from their captions.
Then it is aligned with a judge of its pictures: of every prompt 96 candidates
are drawn by a copy in NVFP4, in six steps; the seeds of the 12 best and the 12
worst are drawn again by the model itself in ten, rewarded, and learned by
DiffusionNFT. The report shows pictures of held-out prompts before and after,
and how well four bits rank candidates. Half an hour on two CPU cores. Presets:
`tiny` (a minute; shows that it runs), `paper` (its numbers of prompts and
updates), `emoji` (scenes of real pictures: `apt-get install
fonts-noto-color-emoji`, `pip install gr_jax[emoji]`).

  --config.align.reward=scorer

raises the score of a classifier of such pictures instead, which does not see
all that captions say; alignment ends where the judge's reward falls meanwhile.

What it is compared with (`configs/sol_rl_claim.py` does it whole):

  --config.align.explore.candidates=0 --config.align.explore.weights=
                                          24 pictures are drawn and learned
  --config.align.explore.weights= --config.align.explore.products=w4a16
  --config.align.explore.steps=0 --config.align.explore.keep_pictures
                                          the extremes of 96 in sixteen bits
  --config.align.explore.steps=0 --config.align.explore.keep_pictures
                                          learns the pictures in four bits

With `--config.align.objective=flow_grpo --config.align.explore.candidates=0
--config.align.explore.weights=` Flow-GRPO (arXiv 2505.05470) learns the paths
of a stochastic sampler; `--config.align.flow_grpo.keep=6` the six best and the
six worst of a prompt alone (DanceGRPO, arXiv 2505.07818).
"""

from ml_collections import ConfigDict

PRESETS = ("", "tiny", "paper", "emoji")
# Where Debian's `fonts-noto-color-emoji` puts it.
FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"


def get_config(preset: str = "") -> ConfigDict:
  if preset not in PRESETS:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), "
      f"{', '.join(p for p in PRESETS if p)}."
    )
  config = ConfigDict()
  config.name = "sol_rl"
  config.experiment = "sol_rl"
  # Captions of up to three shapes in two groups. Shapes stand in 3 x 3
  # cells, and a patch of the network is one of them: with patches that cut
  # cells (8 of 32 pixels) it learns far more slowly.
  config.world = {
    "source": "shapes",
    "seed": 0,
    "size": 24,
    "max_objects": 3,
    "max_groups": 2,
    "relation_share": 0.5,
    "num_backgrounds": 1,
  }
  config.flow = flow()
  config.scorer = scorer()
  config.align = align()
  # Held-out prompts, and pictures of each; the same seeds before and after.
  config.evaluation = {
    "prompts": 256, "each": 8, "seed": 0, "steps": 20, "guidance": 1.0,
  }  # fmt: skip
  # How well the explorer ranks candidates, before alignment.
  config.fidelity = {"prompts": 32, "seed": 0}
  if preset == "emoji":
    # Twelve emoji in 2 x 2 cells, a cell of four patches.
    config.world = {
      "source": "emoji",
      "path": FONT,
      "num": 12,
      "cell": 16,
      "seed": 0,
      "max_objects": 3,
      "max_groups": 2,
      "relation_share": 0.5,
    }
  if preset == "tiny":
    config.flow.network.update(
      width=64, heads=2, single_layers=1, feed_forward=64
    )
    config.flow.text.layers = 1
    config.flow.loop.update(steps=60, log_every=20, checkpoint_every=60)
    config.scorer.loop.update(steps=20, log_every=10, checkpoint_every=20)
    # As many rows as validation draws: one program less.
    config.align.update(group_size=8, rows=64)
    config.align.explore.update(candidates=16, steps=3)
    config.align.steps = 4
    config.align.prompts.batch_size = 2
    config.align.loop.update(
      steps=3, log_every=1, eval_every=3, checkpoint_every=3
    )
    config.align.validation.update(prompts=8, each=2, steps=4)
    config.evaluation.update(prompts=16, each=4, steps=4)
    config.fidelity.prompts = 2
  if preset == "paper":
    config.align.prompts.batch_size = 48
    config.align.nft.update(share=0.6, beta=1.0)
    config.align.optimizer.update(learning_rate=3e-4, b2=0.999)
    config.align.loop.update(steps=300, eval_every=20)
  return config


def flow() -> ConfigDict:
  """Section flow: the model and its training."""
  config = ConfigDict()
  config.seed = 0
  config.precision = "bfloat16"
  # Or "velocity", as published networks of thousands of columns do.
  config.predicts = "picture"
  config.text = {"width": 64, "layers": 2, "heads": 4}
  # Or "sana", whose sizes are those of `SanaConfig`.
  config.network = {
    "name": "mm_dit",
    "patch": 8,
    "width": 128,
    "heads": 4,
    "double_layers": 1,
    "single_layers": 3,
    "feed_forward": 256,
    "rotary_axes": (8, 12, 12),
  }
  config.batch_size = 32
  config.drop_rate = 0.1
  config.times = {"mean": 0.5, "std": 1.0}
  config.mesh = {"data": 0, "fsdp": 1, "model": 1}
  config.optimizer = {
    "learning_rate": 2e-3,
    "weight_decay": 0.01,
    "clip_norm": 1.0,
    "b2": 0.98,
    "schedule": "constant",
    "average": 0.1,
  }
  config.loop = {"steps": 20_000, "log_every": 100, "checkpoint_every": 1000}
  return config


def scorer() -> ConfigDict:
  """Section scorer: a classifier's training, where it is the reward."""
  config = ConfigDict()
  config.seed = 0
  config.batch_size = 64
  config.optimizer = {
    "learning_rate": 2e-3,
    "weight_decay": 0.01,
    "clip_norm": 1.0,
    "b2": 0.99,
  }
  config.loop = {"steps": 1500, "log_every": 100, "checkpoint_every": 500}
  return config


def align() -> ConfigDict:
  """Section align."""
  config = ConfigDict()
  config.name = "sol_rl"
  config.seed = 0
  # Or "scorer", which is learned. Then alignment ends at the first validation
  # whose judge's reward is `fall` below the best, with a higher score; 0 = it
  # never does. Validations of 256 pictures of nearly the same policy differ by
  # up to 0.008.
  config.reward = "judge"
  config.guard = {"fall": 0.01}
  # A change of low rank of the published recipes' products, of the adaptive
  # norms too with `modulation`; rank 0 trains all weights.
  config.lora = {"rank": 32, "alpha": 64.0, "modulation": False}
  # 2 K: the 12 best and the 12 worst.
  config.group_size = 24
  config.steps = 10
  # Candidates of a prompt (0: the group itself is drawn), the format of the
  # explorer's kernels ("": sixteen bits) and its steps (0: as `steps`).
  # `keep_pictures` learns the explorer's own pictures instead of their seeds.
  config.explore = {
    "candidates": 96,
    "weights": "nvfp4",
    "products": "w4a4",
    "steps": 6,
    "keep_pictures": False,
  }
  # Pictures that are drawn at a time.
  config.rows = 96
  config.prompts = {"batch_size": 4}
  # Or "flow_grpo", which explores nothing.
  config.objective = "nft"
  # `beta` and `kl_coef` are both called beta in their configs. With their 1 the
  # validation reward rises a third as fast here.
  config.nft = {"share": 0.3, "beta": 0.2, "kl_coef": 1e-4, "largest": 5.0}
  config.old_every = 1
  config.old_decay = 0.9
  # Its own old policy: the one of `nft` is too old for ratios.
  config.flow_grpo = {
    "noise_level": 0.7,
    # Steps from the first that have noise; 0: all but the last.
    "learned": 0,
    # The best and as many of the worst; 0: all.
    "keep": 0,
    "clip_eps": 1e-4,
    "kl_coef": 4e-3,
    "largest": 5.0,
    "old_every": 2,
  }
  config.optimizer = {
    # The warm-up of a constant rate is 2 / (1 - b2) updates: 20 of the 100.
    "learning_rate": 3e-3,
    "weight_decay": 1e-4,
    "clip_norm": 1.0,
    "b2": 0.9,
    "schedule": "constant",
  }
  config.loop = {
    "steps": 100,
    "log_every": 5,
    "eval_every": 20,
    "checkpoint_every": 20,
  }
  config.validation = {
    "prompts": 64, "each": 4, "seed": 1, "steps": 20, "guidance": 1.0,
  }  # fmt: skip
  return config
