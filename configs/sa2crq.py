"""SA2CRQ: IDs that end early, codebooks of the head extended for the tail.

  python -m gr_jax.main --config=configs/sa2crq.py

(Wang et al., JD.com: Adaptive Semantic Quantization and Residual Knowledge
Transfer.) Items that hold 80 % of all purchases shape codebooks of few codes
at the first levels and more below; the other items add codes of their own. An
ID goes on only while what is bought on its path is worth `tau_items` average
items: rare items get short IDs, which they share. `configs/sarq.py` has only
the ends, `configs/acrq.py` only the two phases. Presets as in `cq_sid`.

Items that share an ID stay together, as in the paper;
`--config.tokenizer.collisions=suffix` numbers those with IDs of full length.
`new_prior` = 0 ends an ID at its first new code, which is the paper to the
letter; `head_share` and `tail_steps` are [OURS], the paper gives neither.
"""

from configs.retrieval import base, size_tokenizer


def get_config(preset: str = ""):
  config = base(preset)
  config.name = "sa2crq"
  config.experiment = "sa2crq"
  config.tokenizer = {
    "name": "sa2crq",
    "seed": 0,
    "precision": "bfloat16",
    "collisions": "clusters",
    # [OURS]: the paper's tau times the number of items.
    "tau_items": (10.0, 10.0),
    "latent_weight": 0.0,
    "head_share": 0.8,
    "head_levels": (64, 128, 256),
    "tail_steps": 1000,
    "new_prior": 1 / 256,
  }
  size_tokenizer(config, preset)
  config.tokenizer.vae.beta = 0.25
  if preset == "tiny":
    config.tokenizer.tau_items = (30.0, 30.0)
    config.tokenizer.head_levels = (8, 16, 32)
    config.tokenizer.tail_steps = 40
    config.tokenizer.new_prior = 1 / 32
  if preset == "paper":
    config.tokenizer.vae.levels = (4096, 4096, 4096)
    config.tokenizer.vae.steps = 20_000
    config.tokenizer.head_levels = (1024, 2048, 4096)
    config.tokenizer.tail_steps = 10_000
    config.tokenizer.new_prior = 1 / 4096
  return config
