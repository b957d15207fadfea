"""The user's names of columns, as in `item_id=asin,text=title`."""

import difflib
from collections.abc import Collection, Mapping, Sequence

from gr_jax.data.imports.checked_table import LIST_SEPARATOR

FIELD_COLUMNS = ("account", "advertiser", "conversion")
ITEM_COLUMNS = ("item_id", "text", "category", "value", *FIELD_COLUMNS)
EVENT_COLUMNS = (
  "user_id",
  "item_id",
  "time",
  "event",
  "query",
  "value",
  "session",
  "order",
  "split",
)
ATTRIBUTE = "attribute_"
"""Begins our names of the columns that are kept as attributes."""
JOINED = {"text": " ", "category": LIST_SEPARATOR}
"""Names that several columns may make, "a+b", and what is put between them."""

_REQUIRED = {"items": ("item_id", "text"), "events": ("user_id", "item_id")}
_COLUMNS = {"items": ITEM_COLUMNS, "events": EVENT_COLUMNS}
# Of names in a message: characters of each, and how many.
_LONGEST, _MOST = 40, 30
_NAMES = tuple(dict.fromkeys(ITEM_COLUMNS + EVENT_COLUMNS))


def parse_pairs(text: str, *, flag: str) -> dict[str, str]:
  """Reads "a=b,c=d" into a dictionary.

  Raises:
    ValueError: a part without "=", or a repeated left side; it names the flag.
  """
  pairs = {}
  for part in filter(None, (part.strip() for part in text.split(","))):
    left, equals, right = (side.strip() for side in part.partition("="))
    if not (left and equals and right):
      raise ValueError(f"{flag} has {part!r}; write it as NAME=NAME,NAME=NAME.")
    if left in pairs:
      raise ValueError(f"{flag} names {left!r} twice.")
    pairs[left] = right
  return pairs


def parse_attributes(text: str) -> dict[str, str]:
  """Reads "brand,image=img_url" into columns by the names of attributes.

  Raises:
    ValueError: a name without a column, or given twice.
  """
  parts = filter(None, (part.strip() for part in text.split(",")))
  pairs = ",".join(p if "=" in p else f"{p}={p}" for p in parts)
  return parse_pairs(pairs, flag="--attributes")


def attribute_columns(
  attributes: Mapping[str, str], present: Sequence[str], *, file: str
) -> dict[str, str]:
  """Our name -> column of the item file, of the attributes to keep.

  Raises:
    ValueError: a column that is not there; the message lists those that are.
  """
  for theirs in attributes.values():
    if theirs not in present:
      raise ValueError(
        f"--attributes: no column {theirs!r}{_did_you_mean(theirs, present)}. "
        f"{file} has {_shown(present)}."
      )
  return {ATTRIBUTE + ours: theirs for ours, theirs in attributes.items()}


def known_words(
  words: Mapping[str, str],
  numbers: Mapping[str, int],
  given: Mapping[str, str],
  *,
  flag: str,
) -> dict[str, int]:
  """Maps the lower-case words of a column to our numbers.

  Args:
    words: For each of our names, the words that mean it, with blanks between.
    numbers: The number of each of our names.
    given: A map of words of the file to our names; it comes before `words`.
    flag: The flag that gave it, named in the error.

  Raises:
    ValueError: a word is given a name that is none of ours.
  """
  found = {
    word: numbers[name] for name, text in words.items() for word in text.split()
  }
  for theirs, ours in given.items():
    if ours not in numbers:
      raise ValueError(
        f"{flag}={theirs}={ours}: {ours!r} is none of {', '.join(numbers)}."
      )
    found[theirs.lower()] = numbers[ours]
  return found


def check_names(columns: Mapping[str, str]) -> None:
  """Raises ValueError for a left side that is no name of this import.

  It is one of our names, alone or after `items.` or `events.` where the two
  files call the same thing differently.
  """
  for ours in columns:
    table, dot, name = ours.rpartition(".")
    known = _COLUMNS.get(table, ()) if dot else _NAMES
    if name not in known:
      raise ValueError(
        f"--columns does not know {ours!r}{_did_you_mean(name, _NAMES)}; the "
        f"names are {', '.join(_NAMES)}."
      )


def parts_of(theirs: str, present: Collection[str]) -> list[str]:
  """The columns of "a+b"; a column that is called so is itself."""
  return [theirs] if theirs in present else theirs.split("+")


def source_columns(columns: Mapping[str, str]) -> set[str]:
  """All columns that the right sides may mean."""
  return {
    name for theirs in columns.values() for name in (theirs, *theirs.split("+"))
  }


def resolve_columns(
  columns: Mapping[str, str],
  *,
  items: Sequence[str],
  events: Sequence[str],
  item_file: str,
  event_file: str,
) -> tuple[dict[str, str], dict[str, str]]:
  """Finds our columns among those of the two files.

  A right side "a+b" of `JOINED` names several. A name that is not mapped is
  looked for under our own name; beside times, a
  column `order` is not, as it may number the orders of a shop.

  Returns:
    (our name -> column of the item file, our name -> column of the events).

  Raises:
    ValueError: a mapped or a required column is not there; the message lists
      the columns that are.
  """
  files = {"items": (items, item_file), "events": (events, event_file)}
  found = {
    table: _resolve(columns, table, present)
    for table, (present, _) in files.items()
  }
  if "time" in found["events"] and not _is_mapped(columns, "order"):
    found["events"].pop("order", None)
  for ours, theirs in columns.items():
    table, _, name = ours.rpartition(".")
    places = [table] if table else [t for t in files if name in _COLUMNS[t]]
    if not any(found[t].get(name) == theirs for t in places):
      missing = _missing(name, theirs, [c for t in places for c in files[t][0]])
      lists = "; ".join(
        f"{files[t][1]} has {_shown(files[t][0])}" for t in places
      )
      raise ValueError(f"--columns={ours}={theirs}: {missing}. {lists}.")
  for table, (present, file) in files.items():
    for name in _REQUIRED[table]:
      if name not in found[table]:
        raise ValueError(
          f"{file} has no column {name!r}{_did_you_mean(name, present)}; it "
          f"has {_shown(present)}. Name yours: --columns={name}=YOURS; where "
          f"the first line is no header, name all: --{table}_header={name},..."
        )
  return found["items"], found["events"]


def _shown(names: Sequence[str]) -> str:
  """Names on one line: what is no table at all may have any."""
  found = [
    name if name.isprintable() and len(name) <= _LONGEST else ascii(name)
    for name in names[:_MOST]
  ]
  cut = [f"{x[:_LONGEST]}..." if len(x) > _LONGEST else x for x in found]
  more = [f"{len(names) - _MOST} more"] if len(names) > _MOST else []
  return ", ".join([*cut, *more])


def _resolve(
  columns: Mapping[str, str], table: str, present: Sequence[str]
) -> dict[str, str]:
  found = {}
  for name in _COLUMNS[table]:
    own = columns.get(f"{table}.{name}")
    candidates = [own] if own else [columns.get(name), name]
    for candidate in filter(None, candidates):
      parts = parts_of(candidate, present) if name in JOINED else [candidate]
      if all(part in present for part in parts):
        found[name] = candidate
        break
  return found


def _missing(name: str, theirs: str, present: Sequence[str]) -> str:
  """Says which column is not there, or that columns cannot be joined."""
  parts = parts_of(theirs, present)
  lost = [part for part in parts if part not in present]
  if name not in JOINED and len(parts) > 1 and not lost:
    return f"only {' and '.join(JOINED)} join several columns"
  if name not in JOINED:
    lost = [theirs]
  return f"no column {lost[0]!r}{_did_you_mean(lost[0], present)}"


def _is_mapped(columns: Mapping[str, str], name: str) -> bool:
  return any(ours.rpartition(".")[2] == name for ours in columns)


def _did_you_mean(name: str, choices: Sequence[str]) -> str:
  lower = {choice.lower(): choice for choice in choices}
  near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
  return f" (did you mean {lower[near[0]]!r}?)" if near else ""
