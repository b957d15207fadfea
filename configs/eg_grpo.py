"""EG-GRPO after CQ-SID (Tmall, arXiv 2605.14434, section 3.3).

  python -m gr_jax.main --config=configs/eg_grpo.py

The run of `configs/cq_sid.py`, whose generator is then aligned: for every
request it draws a group of `G` IDs, to which `K` are added that the page of the
request really led to, and learns which of them were ordered, clicked, shown or
none of it (1, 1, 0.5, 0.1). The report is of the aligned generator, with the
one before beside it. Presets: `tiny` (a minute), `paper` (the published sizes:
G = 8, K = 2, KL 1.0, rate 1e-6, 1,000 steps of 512 requests).

`--config.align.experts=replace` puts the experts in the place of the last `K`
samples, as one of three notes on the paper has it; two have them added. Every
other loss of `gr_jax/rl/losses` is a value of `--config.align.loss` as well,
say `dapo` with `--config.align.loss_options.clip_high=0.3` and
`--config.align.drop_equal_groups`.

Stages of a finished run of `configs/cq_sid.py` are used again with
`--workdir=runs/cq_sid-default`; its report is then replaced.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from configs import cq_sid


def get_config(preset: str = "") -> ConfigDict:
  config = cq_sid.get_config(preset)
  config.name = "eg_grpo"
  config.experiment = "eg_grpo"
  config.align = section()
  config.align.validation.keep_better = True
  if preset == "tiny":
    config.align.prompts.batch_size = 16
    config.align.loop.update(
      steps=20, log_every=5, eval_every=10, checkpoint_every=10
    )
    config.align.validation.update(requests=32, batch_size=16)
  if preset == "paper":
    config.align.prompts.batch_size = 512
    config.align.parts = 8
    config.align.optimizer.learning_rate = 1e-6
    config.align.loop.update(steps=1000, eval_every=100)
  return config


def section() -> ConfigDict:
  """Section align."""
  config = ConfigDict()
  config.name = "eg_grpo"
  config.seed = 0
  config.group_size = 8
  # Or "unconstrained", "distinct", "beam"; see `gr_jax/rl/policies.py`.
  config.policy = "constrained"
  # Or "replace".
  config.experts = "append"
  config.prompts = {
    "batch_size": 64,
    # K = 2. Experts that were only shown are pushed down in groups that earn
    # more than they do.
    "clicked": 2,
    "exposed": 0,
    "positives": 0,
    "hidden_share": 0.15,
  }
  config.reward = {
    "ordered": 1.0,
    "clicked": 1.0,
    "exposed": 0.5,
    "valid": 0.1,
  }
  # Of so many candidates, drawn with the weights in this format ("nvfp4"), the
  # `group_size` best and worst are learned (Sol-RL); 0 draws the group itself.
  # "w4a4" has activations in the same format, at a distance that is printed.
  config.explore = {"candidates": 0, "weights": "", "products": "w4a16"}
  # One of `gr_jax/rl/losses/build.py`; an option without a value has the
  # loss's own, and so has an empty `advantages` ("normalized", "centered").
  config.loss = "eg_grpo"
  config.loss_options = {
    name: placeholder(float)
    for name in ("clip_eps", "clip_low", "clip_high", "delta", "beta")
  }
  config.advantages = ""
  # Leaves groups of equal rewards out of the denominator of the loss (DAPO).
  config.drop_equal_groups = False
  config.kl_coef = 1.0
  config.kl_estimator = "k3"
  config.nll_coef = 0.0
  # Updates between two old policies; with 1 every rollout is on-policy, unless
  # a share of the former old policy stays.
  config.old_every = 1
  config.old_decay = 0.0
  config.parts = 1
  config.mesh = {"data": 0, "fsdp": 1, "model": 1, "sequence": 1, "expert": 1}
  config.optimizer = {
    "learning_rate": 1e-4,
    "warmup_share": 0.05,
    "weight_decay": 0.0,
    "clip_norm": 1.0,
    "b2": 0.98,
  }
  config.loop = {
    "steps": 300,
    "log_every": 10,
    "eval_every": 50,
    "checkpoint_every": 100,
  }
  # `keep_better`: the generator stays as it was before where these requests
  # find no more afterwards.
  config.validation = {
    "requests": 512,
    "batch_size": 32,
    "seed": 0,
    "keep_better": False,
  }
  return config
