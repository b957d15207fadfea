"""The pretrained generator of a run as files that `transformers` loads.

  python -m gr_jax.retrieval.export_decoder RUN FOLDER [--weights=nvfp4]

FOLDER gets config.json, safetensors in which LoRA is merged and codes are rows
of the table, and a tokenizer.json that knows the codes: `<a_3><b_7>` is a text
of two tokens. A prompt is what `text_writer` writes.

With --weights=nvfp4 the kernels are in four bits, in the form
"nvfp4-pack-quantized", which transformers reads by the package
compressed-tensors (vLLM knows it too; that has not been run). Embeddings, head,
norms and biases are in bfloat16, and `ignore` in config.json names the linear
layers that stay so. Kernels are quantized after LoRA is merged, and gate and up
under one tensor scale, where a server with --weights=nvfp4 keeps LoRA beside
them and has two: it answers nearly the same, not bit for bit.
"""

import argparse
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from gr_jax import command_line
from gr_jax.choices import choose
from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.base import base_folder, frozen_variables
from gr_jax.generators.pretrained.export import export
from gr_jax.generators.pretrained.packed_weights import apart, together
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.pretrained.text_vocabulary import TextVocabulary
from gr_jax.nn.lora import in_one, merge_lora
from gr_jax.quantization.compressed_tensors import FORMAT, is_nvfp4
from gr_jax.quantization.modes import MODES
from gr_jax.quantization.policy import Decision
from gr_jax.retrieval.load import load_artefacts
from gr_jax.retrieval.weights import WEIGHTS, quantize_weights, summary

_WEIGHTS = {
  name: mode for name, mode in WEIGHTS.items() if is_nvfp4(MODES[mode])
}


def export_generator(
  folder: pathlib.Path,
  model: TextToCodes,
  variables: Mapping[str, Any],
  vocabulary: TextVocabulary,
  *,
  base: pathlib.Path,
  weights: str = "",
) -> Sequence[Decision]:
  """Writes a generator.

  Args:
    folder: made if it is not there; a model that it has is replaced.
    model: the generator.
    variables: what it reads.
    vocabulary: its tokens.
    base: the folder that it began with.
    weights: a format of NVFP4 among `weights.WEIGHTS`; "" = float32.

  Returns:
    What became of each array; empty without a format.

  Raises:
    ValueError: no kernel is as wide as the format needs.
  """
  params, made = in_one(variables), []
  lora, dtype = model.config.lora, "float32"
  if weights:
    merged = merge_lora(params, lora) if lora else params
    params, made = quantize_weights(together(merged), weights)
    params, lora, dtype = apart(params), None, "bfloat16"
  export(
    folder,
    params,
    read_arrangement(base),
    new=model.decoder.new,
    lora=lora,
    source=base,
    dtype=dtype,
  )
  vocabulary.text.save(folder)
  return made


def export_run(
  run: pathlib.Path, folder: pathlib.Path, *, weights: str = ""
) -> Sequence[Decision]:
  """Writes the generator of a run, as it is after its last stage.

  Arguments and result are those of `export_generator`.

  Raises:
    FileNotFoundError: there is no such run, or it is not finished.
    ValueError: its generator is none that reads text, or `weights` is no format
      of NVFP4 or needs wider kernels.
  """
  if weights:
    choose("weights", weights, _WEIGHTS)
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
  return export_generator(
    folder, model, variables, vocabulary, base=base, weights=weights
  )


def main(arguments: list[str]) -> None:
  """Exports the generator of RUN to FOLDER."""
  try:
    flags = _parser().parse_args(arguments)
    made = export_run(flags.run, flags.folder, weights=flags.weights)
  except (OSError, ValueError) as error:
    raise SystemExit(str(error)) from None
  print(
    f"{flags.folder} has the model: config.json, tokenizer.json, safetensors"
  )
  if made:
    print(f"{FORMAT}, the rest in bfloat16: {summary(made)}")


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser(
    "python -m gr_jax.retrieval.export_decoder", __doc__
  )
  parser.add_argument("run", metavar="RUN", type=pathlib.Path)
  parser.add_argument("folder", metavar="FOLDER", type=pathlib.Path)
  parser.add_argument(
    "--weights",
    default="",
    help=f"one of {', '.join(_WEIGHTS)} [float32]",
  )
  return parser


if __name__ == "__main__":
  main(sys.argv[1:])
