"""Semantic IDs for items that come after training.

The vector of a new item is what the run's own vectors are, with nothing in the
part that purchases fill: nobody bought it yet. The tokenizer that the run
fitted codes it, with the item's category where the first code is one, and the
run's policy on collisions completes the ID. No ID that was given moves. Where a
code is a hash of fields, the item brings them; one that it leaves out is not
known.

An item without a category takes that of its neighbours (`nearest_category`). A
category that came after the fit has no code of its own: its items are coded
under the category of their neighbours.
"""

import contextlib
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from gr_jax.candidates.item_facts import ItemFacts
from gr_jax.candidates.live import LiveCandidates
from gr_jax.data.batches import padded_batches
from gr_jax.data.catalogue import ITEM_ID
from gr_jax.retrieval.load import Artefacts
from gr_jax.serving.catalogue.items import Items, NewItem
from gr_jax.serving.catalogue.nearest_category import vote
from gr_jax.serving.requests import Invalid, shown
from gr_jax.tokenizers.tokenizer import ReadsFields, Tokenizer, Uncodable

_ROWS = 64  # Encoded at once, so that one shape is compiled.
_LARGEST = float(np.finfo(np.float32).max)


class ItemEncoder:
  """Codes new items; `prepare` loads and compiles what only that needs.

  The tokenizer is read at once, so that no server begins to serve that could
  not code an item.

  Args:
    artefacts: The run whose tokenizer codes the items.

  Raises:
    ValueError: The tokenizer cannot be read.
  """

  def __init__(self, artefacts: Artefacts):
    self._artefacts = artefacts
    self._tokenizer = _read_tokenizer(artefacts)
    self._parts: tuple[Any, Tokenizer] | None = None
    self._lock = threading.Lock()

  def prepare(self) -> tuple[Any, Tokenizer]:
    """Loads the text encoder and compiles the tokenizer; returns both."""
    with self._lock:
      if self._parts is None:
        # Imported late: the first new item needs them, the start does not.
        from gr_jax.text.encoder import WordLlamaEncoder

        nothing = np.zeros((1, self._artefacts.vector_width), np.float32)
        with contextlib.suppress(Uncodable):
          _in_chunks(self._tokenizer, nothing, np.full(1, -1, np.int32))
        self._parts = WordLlamaEncoder(), self._tokenizer
      return self._parts

  def with_categories(
    self, new: Sequence[NewItem], items: Items
  ) -> list[NewItem]:
    """New items; one without a category has its neighbours', if they agree.

    Args:
      new: Items that have no row yet.
      items: The catalogue.

    Raises:
      Invalid: A vector of the wrong width, or none where the run needs one.
    """
    bare = [item for item in new if item.category is None]
    votes = iter(self._votes(bare, items))
    filled = []
    for item in new:
      found = next(votes) if item.category is None else None
      filled.append(
        item._replace(category=found.category, category_share=found.share)
        if found
        else item
      )
    return filled

  def _votes(self, new: Sequence[NewItem], items: Items) -> list:
    if not new or not items.categories.shape[1]:
      return [None] * len(new)
    text, _ = self.prepare()
    artefacts = self._artefacts
    vectors = np.load(
      artefacts.directory / "vectors" / "items.npy", mmap_mode="r"
    )
    if artefacts.stored_vectors:
      return vote(self._checked_vectors(new, text), vectors, items)
    wanted = text.encode([item.text for item in new])
    return vote(wanted, vectors[:, : text.dimensions], items)

  def codes(self, new: Sequence[NewItem], items: Items) -> np.ndarray:
    """`[n, L]` whole IDs of items that have no row yet.

    Raises:
      Invalid: A vector of the wrong width, a category that is no path, or the
        tokenizer codes no new items.
      ValueError: There is no room for the IDs.
    """
    from gr_jax.tokenizers.collisions import COLLISIONS

    text, tokenizer = self.prepare()
    categories = self._category_codes(new, items)
    columns = [self._checked_vectors(new, text), categories]
    if isinstance(tokenizer, ReadsFields):
      columns.append(_fields(new, tokenizer.field_names))
    try:
      codes = _in_chunks(tokenizer, *columns)
    except Uncodable as error:
      raise Invalid(f"item {shown(new[0].item_id)}: {error}") from error
    policy, old = COLLISIONS[self._artefacts.collisions], items.semantic_ids
    return policy.append(old, codes).codes[len(old) :]

  def _category_codes(self, new: Sequence[NewItem], items: Items) -> np.ndarray:
    """`[n]`, -1 where the tokenizer chooses."""
    from gr_jax.tokenizers.cq_sid import category_column

    artefacts = self._artefacts
    depth = artefacts.category_depth
    items = items.with_categories(new)
    found = category_column(items.category_columns(new), depth)
    names = artefacts.catalogue.category_names
    size = len(names[min(depth, len(names)) - 1]) if depth and names else 0
    late = found >= size
    if late.any():
      bare = [
        item._replace(category=None)
        for item, is_late in zip(new, late)
        if is_late
      ]
      near = self.with_categories(bare, items)
      codes = category_column(items.category_columns(near), depth)
      found = found.copy()
      found[late] = np.where(codes < size, codes, -1)
    return found

  def candidates(
    self, known: LiveCandidates | None, new: Sequence[NewItem], items: Items
  ) -> LiveCandidates | None:
    """The candidates of a catalogue that has grown; None without any.

    Args:
      known: those that know all rows but the last.
      new: the items of the last rows.
      items: all rows.
    """
    if known is None or not new:
      return known
    vectors = self._vectors(new, self.prepare()[0])
    facts = ItemFacts(
      items.texts,
      items.categories,
      items.prices,
      np.concatenate([known.items.vectors, vectors]),
    )
    return known.grown(facts, items.semantic_ids.codes)

  def _checked_vectors(self, new: Sequence[NewItem], text) -> np.ndarray:
    width = self._artefacts.vector_width
    for item in new:
      if item.vector is None and self._artefacts.stored_vectors:
        raise Invalid(
          f"item {shown(item.item_id)} has no vector; this run's come from a "
          f"file, so a new item brings its {width} numbers."
        )
      if item.vector is not None:
        self.check_vector(item)
    return self._vectors(new, text)

  def _vectors(self, new: Sequence[NewItem], text) -> np.ndarray:
    """`[n, D]`; zeros where a vector is missing."""
    width = self._artefacts.vector_width
    vectors = np.zeros((len(new), width), np.float32)
    if not self._artefacts.stored_vectors:
      parts = text.encode([item.text for item in new])
      vectors[:, : parts.shape[1]] = parts * self._artefacts.text_weight
    for row, item in zip(vectors, new):
      # A log may have vectors of an earlier run.
      if item.vector is not None and len(item.vector) == width:
        row[:] = item.vector
    return vectors

  def check_vector(self, item: NewItem) -> None:
    """Checks the vector that an item brings, new or known.

    Raises:
      Invalid: another width than the catalogue's, or a number that is not
        finite as float32.
    """
    if item.vector is None:
      return
    width = self._artefacts.vector_width
    if len(item.vector) != width:
      raise Invalid(
        f"item {shown(item.item_id)} has a vector of {len(item.vector)} "
        f"numbers; this catalogue's have {width}."
      )
    finite = np.abs(np.asarray(item.vector, np.float64)) <= _LARGEST
    if not finite.all():
      place = int(np.argmin(finite))
      raise Invalid(
        f"item {shown(item.item_id)} has {item.vector[place]:g} at place "
        f"{place} of its vector; give finite numbers up to {_LARGEST:.3g}."
      )

  def check_fields(self, item: NewItem) -> None:
    """Checks the names of the fields that an item brings, new or known.

    Raises:
      Invalid: a name that the catalogue does not have.
    """
    known = self._artefacts.catalogue.field_names
    for name in item.fields or ():
      if name not in known:
        raise Invalid(
          f"item {shown(item.item_id)} has a field {shown(name)}; this "
          f"catalogue has {', '.join(known) or 'none'}."
        )


def _read_tokenizer(artefacts: Artefacts) -> Tokenizer:
  from gr_jax.tokenizers.build import load_tokenizer

  folder = artefacts.directory / "tokenizer"
  try:
    return load_tokenizer(folder, artefacts.tokenizer_section)
  except Exception as error:  # Whatever its format's reader makes of damage.
    raise ValueError(
      f"the tokenizer in {folder} cannot be read ({error}): remove this folder "
      "and run the same config again."
    ) from error


def _fields(new: Sequence[NewItem], names: Sequence[str]) -> np.ndarray:
  """`[n, F]` object, None where an item does not say."""
  found = np.full((len(new), len(names)), None, object)
  for row, item in zip(found, new):
    known = {**(item.fields or {}), ITEM_ID: item.item_id}
    row[:] = [known.get(name) for name in names]
  return found


def _in_chunks(tokenizer: Tokenizer, *columns: np.ndarray) -> np.ndarray:
  batches = padded_batches(columns, _ROWS)
  codes = np.concatenate([tokenizer.encode(*batch) for batch in batches])
  return codes[: len(columns[0])]
