"""What the generator of a section reads: tokens, and prompts made of them.

Most read tokens of their own; a pretrained one reads text. Training, retrieval
and serving make vocabularies and writers here.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data.requests import Requests
from gr_jax.generators.pretrained.text_prompt import TextPrompt
from gr_jax.generators.pretrained.text_vocabulary import TextVocabulary
from gr_jax.generators.pretrained.text_writer import (
  TextPromptConfig,
  TextPromptWriter,
)
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.generators.prompts.writer import Prompt, PromptConfig, PromptWriter
from gr_jax.tokenizers.semantic_ids import SemanticIds

AnyVocabulary = Vocabulary | TextVocabulary
AnyPrompt = Prompt | TextPrompt
AnyPromptConfig = PromptConfig | TextPromptConfig
AnyWriter = PromptWriter | TextPromptWriter


def reads_text(section: Mapping[str, Any]) -> bool:
  """Whether the generator of a section is a pretrained one."""
  return section.get("network") == "pretrained"


def prompt_config(section: Mapping[str, Any]) -> AnyPromptConfig:
  """The sizes of prompts that a section has in `prompt`."""
  made = TextPromptConfig if reads_text(section) else PromptConfig
  return made(**section["prompt"])


def load_vocabulary(
  path: pathlib.Path, section: Mapping[str, Any]
) -> AnyVocabulary:
  """Reads the vocabulary that a training with this section saved."""
  kind = TextVocabulary if reads_text(section) else Vocabulary
  return kind.load(path)


def make_writer(
  requests: Requests,
  semantic_ids: SemanticIds,
  vocabulary: AnyVocabulary,
  config: AnyPromptConfig,
  candidates: CandidateWriter | None = None,
) -> AnyWriter:
  """The writer of prompts; arguments as for `PromptWriter`."""
  if isinstance(vocabulary, TextVocabulary):
    assert isinstance(config, TextPromptConfig)
    assert candidates is None
    return TextPromptWriter(requests, semantic_ids, vocabulary, config)
  assert isinstance(config, PromptConfig)
  return PromptWriter(requests, semantic_ids, vocabulary, config, candidates)
