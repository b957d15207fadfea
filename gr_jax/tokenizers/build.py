"""One place to find a tokenizer by the `name` in its config section.

Training, serving, studies and tools read a section here and nowhere else.
"""

import pathlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from gr_jax.choices import choose
from gr_jax.tokenizers.tokenizer import Tokenizer

# By name: module of this folder and class. Imported when it is needed.
TOKENIZERS = {
  "cq_sid": "cq_sid:CqSid",
  "dsi": "dsi:DsiIds",
  "given_ids": "given_ids:GivenIds",
  "rq_kmeans": "rq_kmeans:RqKMeans",
  "rq_vae": "rq_vae:RqVae",
  "sa2crq": "sa2crq:Sa2crq",
  "ua_sid": "ua_sid:UaSid",
}


def tokenizer_class(section: Mapping[str, Any]) -> type[Tokenizer]:
  """The class that a `tokenizer` section names.

  Raises:
    ValueError: A name that no tokenizer has.
  """
  place = choose("tokenizer.name", section.get("name", ""), TOKENIZERS)
  return pkgutil.resolve_name(f"gr_jax.tokenizers.{place}")


def settings(section: Mapping[str, Any]) -> Any:
  """The tokenizer's own config of a `tokenizer` section.

  Raises:
    ValueError: An unknown name, or a value that the tokenizer cannot have.
  """
  return tokenizer_class(section).settings(section)


def load_tokenizer(
  directory: pathlib.Path, section: Mapping[str, Any]
) -> Tokenizer:
  """The tokenizer that a run fitted.

  Args:
    directory: The folder of the run's tokenizer stage.
    section: The `tokenizer` section in the stage's manifest.

  Raises:
    FileNotFoundError: No tokenizer was saved there.
    ValueError: An unknown name.
  """
  return tokenizer_class(section).load(directory, section)
