"""Sections of the retrieval recipes, with their default values.

Not a recipe of its own; `configs/cq_sid.py` and its like start from it.
"""

from ml_collections import ConfigDict, config_dict

PRESETS = ("", "tiny", "paper")


def base(preset: str) -> ConfigDict:
  """Default sections, sized by the preset.

  Raises:
    ValueError: for a preset that does not exist.
  """
  if preset not in PRESETS:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), "
      f"{', '.join(p for p in PRESETS if p)}."
    )
  config = ConfigDict()
  config.data = {
    "source": "complete_journey",
    "valid_weeks": 2,
    "test_weeks": 3,
    "max_households": 0,
    "max_exposures": 10,
  }
  config.vectors = {
    "dimensions": 64,
    "shift": 1.0,
    "text_weight": 1.0,
    "copurchase_weight": 1.0,
    # For baskets; -1 = by the data (`experiments.pipeline.from_data`).
    "history_window": 0,
    # Files of vectors of your own, see `configs/own_data.py`.
    "path": "",
    "query_path": "",
  }
  config.generator = {
    "seed": 0,
    "precision": "bfloat16",
    # Purchases that an item is given before any was counted; 0 = the network
    # is given no counts, as in the papers.
    "count_alpha": 2.0,
    # Items of each request whose features are a prior over codes; 0 = none.
    # Where the split is by time, the last `learned_share` of the training
    # requests are learned, with counts of what lies before them;
    # `unseen_share` of them read their query as a new one, `typed_share` as
    # others type it. `sequence_steps` train the sequence models among the
    # sources. Weights are fitted on `fit_requests` before the network learns
    # (`fit_steps` 0: each is read 13 times); how much of its scores is used is
    # chosen on `share_requests` of each kind.
    "candidates": {
      "size": 0,
      "sequence_steps": 1000,
      "learned_share": 0.2,
      "unseen_share": 0.02,
      "typed_share": 0.25,
      "fit_requests": 40_000,
      "fit_steps": 0,
      "share_requests": 1500,
    },
    # Devices along the axes, see `gr_jax/parallel/mesh.py`; 0 = all others.
    "mesh": {"data": 0, "fsdp": 1, "model": 1, "sequence": 1, "expert": 1},
    "prompt": {
      "history": 64,
      "lookback": 1024,
      "query_words": 8,
      "user_buckets": 2000,
    },
    "examples": {"batch_size": 8, "targets": 16, "hidden_share": 0.15},
    # The loss on these says when training overfits, see
    # `experiments/pipeline/held_out.py`.
    "held_out": {"targets": 2000, "last_share": 0.05},
    "model": {
      "layers": 3,
      "width": 192,
      "heads": 3,
      "kv_heads": 1,
      "head_size": 64,
      "feed_forward": 512,
      "rope_theta": 1_000_000.0,
      # "full" or "dots" keep less for the backward pass, and take longer.
      "remat": "none",
      # The kernel of the platform; "plain", "cudnn" or "splash" force one.
      "attention": "auto",
      "dropout": 0.0,
    },
    "optimizer": {
      "learning_rate": 2e-3,
      "warmup_share": 0.05,
      "weight_decay": 0.05,
      "clip_norm": 1.0,
      "b2": 0.98,
      # "constant" with an average of 0.1 where the last step is not known.
      "schedule": "cosine",
      "average": 0.0,
    },
    # The step of the lowest held-out loss is used; a patience of N evaluations
    # also ends training there, 0 does all steps.
    "loop": {
      "steps": 6000,
      "log_every": 50,
      "checkpoint_every": 1000,
      "eval_every": 250,
      "patience": 0,
      # Parts of a batch whose gradients are added up before an update.
      "micro_batches": 1,
    },
  }
  config.evaluation = {
    "split": "test",
    # Of each kind, at most; 0 = every one that there is.
    "requests": 2000,
    # Beams kept at every level, or at each: (128, 256, 512).
    "beam": config_dict.FieldReference(100, field_type=object),
    "beams": (1, 10, 50, 100),
    "beam_requests": 500,
    "unconstrained_beam": 10,
    "batch_size": 32,
    # Of these, one each is chosen on validation. Wide windows are for baskets,
    # whose items have no order, narrow ones for sequences of single items.
    "knn_windows": (10, 3),
    "knn_last": (10, 50, 200),
    # Likewise; with none there is no EASE.
    "ease_ridges": (300.0, 100.0, 1000.0),
    # Validation requests of each kind, to warn of a model below a baseline.
    "second_look": 500,
    # Searches that are timed, of one request and of a batch; 0 = none.
    "timed": 10,
    "seed": 0,
  }
  # Of several hosts, seconds until one that is lost or stuck ends all; 0 = no
  # limit. See `gr_jax/parallel/judge.py`.
  config.hosts = {"limit": 40.0}
  # Whether XLA optimizes what it compiles; what runs for seconds need not.
  config.compiler = {"optimize": True}
  # Trained to stand beside the baselines where there are histories; 0 steps
  # leave it out.
  config.sasrec = {
    "precision": "float32",
    "dropout": 0.2,
    # Of the validation period, for each of the validations; 0 = every one.
    "requests": 2000,
    "model": {
      "layers": 2,
      "width": 64,
      "heads": 2,
      "kv_heads": 2,
      "head_size": 32,
      "feed_forward": 176,
    },
    "training": {
      "length": 64,
      "batch_size": 32,
      "negatives": 1024,
      "steps": 1200,
      "validations": 4,
      "seed": 0,
    },
    "optimizer": {"learning_rate": 3e-3, "weight_decay": 0.05},
  }
  {"": _default, "tiny": _tiny, "paper": _paper}[preset](config)
  return config


def _default(config: ConfigDict) -> None:
  """Minutes on two CPU cores."""


def _tiny(config: ConfigDict) -> None:
  """Seconds: shows that everything runs, not how good it is."""
  config.compiler.optimize = False
  config.data.max_households = 100
  config.data.max_exposures = 0  # Their table alone takes seconds to read.
  config.vectors.dimensions = 16
  config.generator.prompt.history = 16
  config.generator.prompt.user_buckets = 100
  config.generator.examples.update(batch_size=16, targets=8)
  config.generator.model.update(
    layers=2, width=64, heads=2, kv_heads=1, head_size=32, feed_forward=128
  )
  config.generator.loop.update(
    steps=60, log_every=10, checkpoint_every=20, eval_every=20
  )
  config.generator.held_out.targets = 200
  config.evaluation.update(
    requests=64,
    beam=20,
    beams=(20,),  # Every width is a program of its own.
    beam_requests=32,
    batch_size=32,
    second_look=32,
    timed=0,  # One request alone is a program of its own.
  )
  config.sasrec.requests = 64
  config.sasrec.model.update(layers=1, width=32, head_size=16, feed_forward=64)
  config.sasrec.training.update(
    length=16, negatives=256, steps=20, validations=2
  )


def _paper(config: ConfigDict) -> None:
  """Qwen2.5-0.5B's sizes (CQ-SID, section 4.1); for accelerators."""
  config.generator.model.update(
    layers=24,
    width=896,
    heads=14,
    kv_heads=2,
    head_size=64,
    feed_forward=4864,
    remat="full",
  )
  config.generator.count_alpha = 0.0
  config.generator.examples.update(batch_size=256, targets=8)
  config.generator.optimizer.learning_rate = 4e-5
  config.generator.loop.update(
    steps=9500, log_every=20, checkpoint_every=500, eval_every=500
  )


def use_candidates(config: ConfigDict, preset: str) -> None:
  """Lets the generator read candidates: all that the baselines know.

  The network then has little left to learn; a few hundred steps are enough.
  `tiny` and `paper` stay as they are: the first is to run in seconds, and no
  paper has candidates.
  """
  candidates, loop = config.generator.candidates, config.generator.loop
  if preset == "":
    candidates.size = 160
    loop.steps = 500


def sizes_from_data(config: ConfigDict) -> None:
  """Leaves sizes and steps to `experiments.pipeline.sizes`.

  A value that is set afterwards, here or on the command line, stays.
  """
  kinds = {
    "model": {
      "layers": int,
      "width": int,
      "heads": int,
      "kv_heads": int,
      "head_size": int,
      "feed_forward": int,
      "dropout": float,
    },
    "examples": {"batch_size": int, "targets": int},
    "candidates": {"sequence_steps": int},
    "optimizer": {"weight_decay": float, "schedule": str, "average": float},
    "loop": {
      "steps": int,
      "log_every": int,
      "checkpoint_every": int,
      "eval_every": int,
      "patience": int,
    },
  }
  sections = [(config.generator[name], keys) for name, keys in kinds.items()]
  for section, keys in [*sections, (config.tokenizer.vae, {"steps": int})]:
    for key, kind in keys.items():
      del section[key]
      section[key] = config_dict.placeholder(kind)


def size_tokenizer(config: ConfigDict, preset: str) -> None:
  """The parts of a tokenizer section that every RQ-VAE has, by preset."""
  config.tokenizer.vae = {
    "hidden": (512, 256, 128),
    "latent": 32,
    "levels": (256, 256, 256),
    "learning_rate": 1e-3,
    "weight_decay": 1e-4,
    "batch_size": 1024,
    "steps": 2000,
    "init_rows": 16_384,
    "init_iterations": 10,
  }
  if preset == "tiny":
    config.tokenizer.vae.update(
      hidden=(64,), latent=16, levels=(32, 32, 32), batch_size=256, steps=100,
      init_rows=2048, init_iterations=5,
    )  # fmt: skip
