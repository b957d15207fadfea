"""DSI, NCI and TIGER on judged documents, beside BM25 and DPR.

  python -m gr_jax.main --config=configs/scifact.py --config.data.path=DIR
  python -m gr_jax.main --config=configs/scifact.py:nci --config.data.path=DIR

DIR holds corpus.jsonl, queries.jsonl and qrels/, as BEIR gives SciFact (or MS
MARCO, or Natural Questions). The systems are `dsi`, `nci` and `tiger`; all
learn documents from their titles, stretches and words, and queries from the
judged ones. `--config.tokenizer.ids=atomic`, `naive` or `semantic` for DSI.
Presets as in `cq_sid`, after the system: `nci,tiny`.

SciFact publishes no queries for choosing settings; a share of the training
queries serves for that:
`--config.data.valid_share=0.2 --config.evaluation.split=valid`.
"""

from configs import judged


def get_config(words: str = ""):
  config, preset = judged.recipe(words)
  config.data = {
    "source": "ir_dataset",
    "path": "",
    "valid_share": 0.0,
    "seed": 0,
    "augment": judged.augmentation(preset, titles=1, segments=8, pseudo=4),
  }
  return config
