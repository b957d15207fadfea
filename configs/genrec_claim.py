"""What GenRec's three parts do (JD, arXiv 2604.14878).

  python -m gr_jax.main --config=configs/genrec_claim.py

Five seeds, two worlds: a made-up shop whose click probabilities are known, and
the purchases of 400 households. (a) whole pages against single items
at an equal budget of tokens; (b) prompts with merged tokens against one
position per code; (c) in the made-up shop, GRPO and GRPO-SR, with and without
the relevance gate, judged by a preference model with a blind spot, each with
six settings to choose from on the validation period. A run that
is cut off goes on where it was. Presets: `tiny` (the shop alone, about two
minutes: shows that it runs, not what is true).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs import genrec, study

PRESETS = study.PRESETS
_GENERATORS = ("point_wise", "page_wise", "page_wise_tokens")


def get_config(preset: str = "") -> ConfigDict:
  config = study.base("genrec", preset)
  config.variants = (
    *_GENERATORS, "grpo", "grpo_sr", "without_gate", "tight_gate"
  )  # fmt: skip
  config.worlds = _worlds()
  config.tokenizer = {
    "name": "rq_kmeans",
    "collisions": "clusters",
    "clusters": "plain",
    "iterations": 10,
  }
  config.preference = genrec.preference()
  config.preference.max_requests = 0  # The worlds are small.
  config.preference.update(category_depth=1, epochs=2)
  config.blind_spot = {"share": 0.01, "score": 0.9}
  config.align = genrec.alignment()
  # DeepSeekMath's; what is tried stands in `choices`.
  config.align.update(kl_coef=0.04)
  config.align.nll_coef = 0.2
  config.align.optimizer.update(learning_rate=2e-4)
  config.choices = _choices()
  config.align.loop.update(
    steps=100, log_every=10, eval_every=100, checkpoint_every=100
  )
  config.align.validation.update(requests=256)
  config.evaluation.update(split="test", unconstrained_beam=10)
  {"": _default, "tiny": _tiny}[preset](config)
  return config


def _choices() -> dict:
  """Six trials of every alignment: its pull to the start, and its rate."""
  rates = {"learning_rate": (1e-4, 2e-4)}
  grpo = {"align": {"kl_coef": (0.04, 0.2, 1.0), "optimizer": rates}}
  grpo_sr = {"align": {"nll_coef": (0.1, 0.2, 1.0), "optimizer": rates}}
  return {
    "grpo": grpo,
    "grpo_sr": grpo_sr,
    "without_gate": grpo_sr,
    "tight_gate": grpo_sr,
  }


def _worlds() -> dict:
  hidden = {"hidden_share": 0.15}
  return {
    "shop_world": {
      "data": study.shop(),
      "tokenizer": {"levels": (64, 64, 64)},
      "examples": {
        "point_wise": {"batch_size": 32, "targets": 8} | hidden,
        # One page a prompt, with room for its end.
        "page_wise": genrec.pages()
        | {"batch_size": 32, "places": 11, "pages": 1},
      },
    },
    "complete_journey": {
      "data": study.households(),
      "tokenizer": {"levels": (256, 256, 256)},
      "variants": _GENERATORS,
      "examples": {
        "point_wise": {"batch_size": 16, "targets": 16} | hidden,
        "page_wise": genrec.pages() | {"batch_size": 16},
      },
    },
  }


def _default(config: ConfigDict) -> None:
  config.seeds = (0, 1, 2, 3, 4)
  config.evaluation.requests = 1000


def _tiny(config: ConfigDict) -> None:
  del config.worlds.complete_journey
  # Two trials each.
  config.choices.grpo.align.kl_coef = (0.04,)
  for name in ("grpo_sr", "without_gate", "tight_gate"):
    config.choices[name].align.nll_coef = (0.2,)
  shop = config.worlds.shop_world
  shop.data = study.shop(items=600, users=200, requests=2000)
  shop.tokenizer.levels = (16, 16, 16)
  for examples in shop.examples.values():
    examples.batch_size = 16
  config.preference.network.update(width=8, hidden=(16,))
  config.preference.update(window=32)
  config.align.group_size = 8
  config.align.prompts.batch_size = 16
  config.align.gate.samples = 1000
  config.align.loop.update(
    steps=10, log_every=5, eval_every=10, checkpoint_every=10
  )
  config.align.validation.update(requests=32)
