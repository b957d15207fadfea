"""Codes that are hashes of fields, the same wherever and whenever computed.

  h(f_1 .. f_F) = BLAKE2b-64( sum_i |f_i| "\\n" f_i ),  code = h mod C

with `f_i` the UTF-8 text of a field and `|f_i|` its length in bytes as decimal
digits. Lengths make the encoding one to one: ("ab", "c") is not ("a", "bc").
Nothing of a process, platform or library enters: Python's own `hash` of a text
is another one in every process. `[OURS]`; GR4AD (arXiv 2602.22732) names the
fields (item, account, conversion type) and not the hash.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

Field = str | int | None
"""A text or whole number; 17 is the text "17". None is a field that is not
known, and differs from every text."""

_DIGEST = 8  # Bytes; the share of a code is even to C / 2^64.


def hash_fields(fields: Sequence[Field]) -> int:
  """Returns the 64-bit hash `h` of one item's fields, in their order.

  Raises:
    ValueError: A field is neither a text, nor a whole number, nor None.
  """
  encoded = b"".join(map(_encoded, fields))
  digest = hashlib.blake2b(encoded, digest_size=_DIGEST).digest()
  return int.from_bytes(digest, "big")


def hash_codes(
  fields: Sequence[Sequence[Field]], *, num_codes: int
) -> np.ndarray:
  """Returns the codes `[N]` int32 of the fields of N items.

  Args:
    fields: The fields of each item, as many and in the same order for all.
    num_codes: The number of codes, `C`.

  Raises:
    ValueError: No codes, items with different numbers of fields or none, or a
      field that is neither a text, nor a whole number, nor None.
  """
  if not 1 <= num_codes <= 2**31:
    raise ValueError(f"num_codes={num_codes} must be in 1..2^31.")
  widths = sorted({len(row) for row in fields})
  if len(widths) > 1 or widths == [0]:
    raise ValueError(
      f"items have {widths} fields; give all the same ones, None where a field "
      "is not known."
    )
  codes = [hash_fields(row) % num_codes for row in fields]
  return np.array(codes, np.int32)


def _encoded(field: Field) -> bytes:
  if field is None:
    return b"-\n"  # No length is negative.
  if isinstance(field, bool) or not isinstance(field, (str, int, np.integer)):
    raise ValueError(
      f"the field {field!r} is a {type(field).__name__}; give a text, a whole "
      "number, or None where it is not known."
    )
  text = str(field).encode()
  return b"%d\n%s" % (len(text), text)
