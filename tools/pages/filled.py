"""Pages whose figures are those of the stored tables.

A page ends with a comment, which no reader sees:

  <!-- figures, in the order of the text:
  cq_sid: cq_sid personalised/recall@10
  cq_sid - rq_vae: cq_sid_claim/shop_world semantic/id/hit_rate@100 %
  no measurements:
  arXiv 2305.05065, table 1: published 0.065
  configs/cq_sid.py: 6,000 steps ; 2 layers of 128
  -->

Every number of the text has its address there (`tools.pages.sources`), or
stands in one of the phrases that measure nothing, behind its reason. A block

  <!-- table: cq_sid -->
  <!-- end -->

holds the figures of a single run, with a line for each kind of requests.
"""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

from experiments.studies import run_page
from experiments.studies.record import load_record
from tools.pages import printed, sources

_NOTES = re.compile(r"<!-- figures, in the order of the text:\n(.*?)-->", re.S)
_SPLIT = "no measurements:"
_TABLE = re.compile(
  r"(<!-- table: (?P<name>\w+) -->\n\n?).*?(\n?<!-- end -->)", re.S
)


@dataclasses.dataclass(frozen=True)
class Notes:
  """The comment of a page.

  Attributes:
    addresses: the source of every figure, in their order.
    phrases: what measures nothing, with its reason.
  """

  addresses: Sequence[str] = ()
  phrases: Sequence[tuple[str, str]] = ()


def notes(text: str) -> Notes:
  """The addresses and phrases of a page; none where it has no comment."""
  found = _NOTES.search(text)
  if found is None:
    return Notes()
  figures, _, others = found[1].partition(_SPLIT)
  lines = [line.strip() for line in figures.splitlines() if line.strip()]
  pairs = [line.partition(": ") for line in others.strip().splitlines()]
  return Notes(
    [address for line in lines for address in sources.expand(line)],
    [
      (reason, phrase.strip())
      for reason, _, phrases in pairs
      for phrase in phrases.split(" ; ")
    ],
  )


def fill(text: str, results: pathlib.Path) -> str:
  """The page with the figures of the stored tables.

  Args:
    text: the page.
    results: the folder of the tables.

  Raises:
    ValueError: an address that no table has, a number without an address, an
      address or phrase without a number.
  """
  text = _TABLE.sub(lambda found: _block(found, results), text)
  noted = notes(text)
  body = _NOTES.sub("", _TABLE.sub(_emptied, text))
  for reason, phrase in noted.phrases:
    if not reason or not printed.phrase_pattern(phrase).search(body):
      raise ValueError(f"{phrase!r} ({reason}) stands nowhere in the text")
  figures = printed.figures(
    _TABLE.sub(_emptied, text), [phrase for _, phrase in noted.phrases]
  )
  pairs = list(zip(figures, noted.addresses))
  if len(figures) != len(noted.addresses):
    raise ValueError(_parting(figures, noted.addresses, results))
  new = [_renewed(*pair, results) for pair in pairs]
  for figure, words in reversed(list(zip(figures, new))):
    text = text[: figure.start] + words + text[figure.end :]
  return text


def _renewed(
  figure: printed.Printed, address: str, results: pathlib.Path
) -> str:
  try:
    found = sources.look_up(address, results)
    signed = found.is_difference and figure.has_sign
    return figure.with_values((found.value, found.low, found.high), signed)
  except ValueError as error:
    raise ValueError(f"{figure.text!r} <- {address!r}: {error}") from error


def _parting(
  figures: Sequence[printed.Printed],
  addresses: Sequence[str],
  results: pathlib.Path,
) -> str:
  """Says where figures and addresses cease to go together."""
  counts = f"{len(figures)} figures and {len(addresses)} addresses"
  for figure, address in zip(figures, addresses):
    try:
      same = _renewed(figure, address, results) == figure.text
    except ValueError:
      same = False
    if not same:
      return f"{counts}; they part at {figure.text!r} <- {address!r}"
  shared = min(len(figures), len(addresses))
  left = [figure.text for figure in figures[shared:]] or addresses[shared:]
  return f"{counts}; left over: {', '.join(left)}"


def _block(found: re.Match, results: pathlib.Path) -> str:
  record = load_record(results / found["name"] / "table.json")
  body = f"{run_page.figures(record)}\n\n{run_page.verdicts(record)}\n"
  return f"<!-- table: {found['name']} -->\n\n{body}\n<!-- end -->"


def _emptied(found: re.Match) -> str:
  """The block as blanks: what follows stays where it is."""
  return re.sub(r"[^\n]", " ", found[0])
