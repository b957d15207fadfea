"""A published decoder in the place of the one that a config names.

Its sizes are those of `config.json`; its weights are never made. The tokenizer
is learned from the shop's texts, so that prompts hold real words, and has as
many tokens as the published one: what merges never yield fills it up. Lines of
a prompt have fixed lengths, whatever words they hold.
"""

import contextlib
import json
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import tokenizers
from ml_collections import ConfigDict

from gr_jax.generators.pretrained.arrangement import Arrangement
from gr_jax.generators.pretrained.build import arrangement_fields
from gr_jax.generators.pretrained.published import PUBLISHED
from gr_jax.generators.pretrained.random_base import learned_tokenizer

# The model of a recipe whose preset leaves the folder to the user, as its own
# page names it.
_OF_RECIPES = {"cq_sid_qwen": "Qwen2.5-0.5B", "genrec_qwen": "Qwen2.5-1.5B"}
_OF_PATHS = {"smollm2": "SmolLM2-135M"}
# Tokens of the published tokenizers; tables have more rows.
_TOKENS = {"qwen2": 151_665, "llama": 49_152}
_LEARNED = 2000


def base_of(config: ConfigDict) -> tuple[Arrangement, int]:
  """The arrangement that a config begins with, and its number of tokens.

  Raises:
    ValueError: the path names no published model.
  """
  wanted = config.generator.pretrained
  if wanted.path == "random" and not wanted.random.like:
    sizes = wanted.random.to_dict()
    tokens = sizes.pop("tokens")
    del sizes["like"]
    return Arrangement(vocab_size=tokens, **sizes), tokens
  path = wanted.random.like if wanted.path == "random" else wanted.path
  name = pathlib.Path(path or _OF_RECIPES.get(config.name, "")).name
  name = _OF_PATHS.get(name, name)
  if name not in PUBLISHED:
    raise ValueError(
      f"generator.pretrained.path={path!r} is no published model; sizes are "
      f"known of {', '.join(PUBLISHED)}: name a folder of one of them."
    )
  found = PUBLISHED[name]
  return found, _TOKENS[found.model_type]


def described(section: ConfigDict, arrangement: Arrangement) -> None:
  """Puts the sizes of an arrangement into a generator section."""
  section.pretrained.arrangement = arrangement_fields(arrangement)
  for name in (
    "layers", "width", "heads", "kv_heads", "head_size", "feed_forward",
  ):  # fmt: skip
    section.model[name] = getattr(arrangement, name)


@contextlib.contextmanager
def tokenizer_folder(
  texts: Sequence[str], *, tokens: int
) -> Iterator[pathlib.Path]:
  """A folder with a tokenizer of some texts that has so many tokens."""
  learned = learned_tokenizer(texts, size=min(tokens, _LEARNED))
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    text = filled(learned, tokens=tokens)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    yield folder


def filled(learned: tokenizers.Tokenizer, *, tokens: int) -> str:
  """`tokenizer.json` with tokens that no text has, up to so many."""
  found = json.loads(learned.to_str())
  vocabulary = found["model"]["vocab"]
  for number in range(learned.get_vocab_size(), tokens):
    vocabulary[f"<unused_{number}>"] = number
  return json.dumps(found)
