"""ACRQ: the two phases of `sa2crq` alone, with IDs of one length.

  python -m gr_jax.main --config=configs/acrq.py

Presets as in `cq_sid`.
"""

from configs import sa2crq


def get_config(preset: str = ""):
  config = sa2crq.get_config(preset)
  config.name = "acrq"
  config.tokenizer.tau_items = (0.0, 0.0)
  return config
