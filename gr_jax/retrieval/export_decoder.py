"""The pretrained generator of a run as files that `transformers` loads.

  python -m gr_jax.retrieval.export_decoder RUN FOLDER

FOLDER gets config.json, safetensors in which LoRA is merged and codes are rows
of the table, and a tokenizer.json that knows the codes: `<a_3><b_7>` is a text
of two tokens. A prompt is what `text_writer` writes.
"""

import pathlib
import sys
from collections.abc import Mapping
from typing import Any

from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.base import base_folder, frozen_variables
from gr_jax.generators.pretrained.export import export
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.pretrained.text_vocabulary import TextVocabulary
from gr_jax.nn.lora import in_one
from gr_jax.retrieval.load import load_artefacts


def export_generator(
  folder: pathlib.Path,
  model: TextToCodes,
  variables: Mapping[str, Any],
  vocabulary: TextVocabulary,
  *,
  base: pathlib.Path,
) -> None:
  """Writes a generator.

  Args:
    folder: made if it is not there; a model that it has is replaced.
    model: the generator.
    variables: what it reads.
    vocabulary: its tokens.
    base: the folder that it began with.
  """
  export(
    folder,
    in_one(variables),
    read_arrangement(base),
    new=model.decoder.new,
    lora=model.config.lora,
    source=base,
    dtype="float32",
  )
  vocabulary.text.save(folder)


def export_run(run: pathlib.Path, folder: pathlib.Path) -> None:
  """Writes the generator of a run, as it is after its last stage.

  Raises:
    FileNotFoundError: there is no such run, or it is not finished.
    ValueError: its generator is none that reads text.
  """
  artefacts = load_artefacts(run)
  model, vocabulary = artefacts.model, artefacts.vocabulary
  if not isinstance(model, TextToCodes):
    raise ValueError(
      f"the generator of {run} is no pretrained one: there is nothing that "
      "transformers could load."
    )
  assert isinstance(vocabulary, TextVocabulary)
  section = artefacts.manifests["generator"]["section"]
  base = base_folder(run, section)
  # As it was read: a run may keep it in fewer bits.
  read = frozen_variables(model, base, section | {"precision": "float32"})
  variables = artefacts.params | read
  export_generator(folder, model, variables, vocabulary, base=base)


def main(arguments: list[str]) -> None:
  """Exports the generator of RUN to FOLDER."""
  if len(arguments) != 2:
    raise SystemExit(__doc__)
  run, folder = map(pathlib.Path, arguments)
  try:
    export_run(run, folder)
  except (OSError, ValueError) as error:
    raise SystemExit(str(error)) from None
  print(f"{folder} has the model: config.json, tokenizer.json, safetensors")


if __name__ == "__main__":
  main(sys.argv[1:])
