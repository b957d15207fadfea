"""A run on the small shop as training leaves it, of any network and tokenizer.

Every stage is saved by the function that saves it in a run. Only the steps of
training are replaced: noise on the initial parameters compiles nothing.
"""

import contextlib
import pathlib
from collections.abc import Iterator
from unittest import mock

import jax.numpy as jnp
from ml_collections import ConfigDict

from experiments.pipeline import train
from gr_jax.training import finite
from tests.reference import tiny_tokenizers
from tests.reference.noisy import noisy

# Every class of tokenizer, and every kind of identifiers of DSI.
TOKENIZERS = (
  "sa2crq",
  "cq_sid",
  "rq_vae",
  "rq_kmeans",
  "sarq",
  "acrq",
  "atomic",
  "naive",
  "semantic",
  "ua_sid",
)
GENERATOR = {
  "seed": 0,
  "precision": "float32",
  "adaptor_layers": 1,
  "count_alpha": 1.0,
  "prompt": {"history": 5, "lookback": 8, "query_words": 3, "user_buckets": 8},
  "model": {"layers": 1, "width": 8, "heads": 2, "kv_heads": 1}
  | {"head_size": 4, "feed_forward": 8},
  "examples": {"batch_size": 8, "targets": 2},
  "optimizer": {},
  "loop": {"steps": 1, "log_every": 1, "checkpoint_every": 1},
  "mesh": {},
}
# One layer that reads no code before, and one that does; and values.
LAZY = {
  "early_layers": 1,
  "task": "value_aware",
  "value": {"buckets": 4, "rerank": (0.5,)},
  "model": GENERATOR["model"] | {"layers": 2},
}
# A pretrained one begins with random weights.
PRETRAINED = {
  "count_alpha": 0.0,
  "prompt": {"history": 3, "lookback": 8}
  | {"facts_tokens": 16, "query_tokens": 16},
  "model": {"dropout": 0.0},
  "pretrained": {
    "path": "random",
    "rows": "text",
    "lora": {"rank": 2, "alpha": 4.0},
    "random": {"like": "", "model_type": "llama", "tokens": 300}
    | {"layers": 1, "width": 8, "heads": 2, "kv_heads": 1}
    | {"head_size": 4, "feed_forward": 8, "max_positions": 128, "tied": True},
  },
}


def make(
  workdir: pathlib.Path, *, tokenizer: str = "rq_kmeans", **generator
) -> train.TrainedGenerator:
  """Writes the stages of a run and returns its generator, as trained.

  Stages that lie in `workdir` are loaded.

  Args:
    workdir: the folder of the run.
    tokenizer: one of `TOKENIZERS`.
    **generator: changes of the section `GENERATOR`.
  """
  found = tiny_tokenizers.fit(tokenizer, workdir)
  data = tiny_tokenizers.data(workdir)
  vectors = tiny_tokenizers.vectors(workdir)
  config = ConfigDict(section(**generator))
  with _noise_for_steps():
    return train.train(config, workdir, data, found, vectors)


def section(**generator) -> dict:
  """`GENERATOR` with changes."""
  own = {"pretrained": PRETRAINED, "lazy_ar": LAZY}
  return GENERATOR | own.get(generator.get("network"), {}) | generator


@contextlib.contextmanager
def _noise_for_steps() -> Iterator[None]:
  def make_step(*_, **__):
    def step(state, batch, *_):
      params = noisy(state.params)
      state = state.replace(step=state.step + 1, params=params)
      return state, {"train/loss": 0.0, finite.FIRST_BAD: jnp.int32(-1)}

    return step

  with (
    mock.patch.object(train, "make_step", make_step),
    mock.patch.object(train, "throughput", return_value=None),
  ):
    yield
