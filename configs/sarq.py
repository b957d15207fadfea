"""SARQ: the early ends of `sa2crq` alone, with one set of codebooks for all.

  python -m gr_jax.main --config=configs/sarq.py

Presets as in `cq_sid`.
"""

from configs import sa2crq


def get_config(preset: str = ""):
  config = sa2crq.get_config(preset)
  config.name = "sarq"
  config.tokenizer.head_share = 1.0
  config.tokenizer.head_levels = config.tokenizer.vae.levels
  config.tokenizer.tail_steps = 0
  return config
