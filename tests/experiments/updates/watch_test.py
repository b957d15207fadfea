"""A folder is learned file by file, in the order of the names."""

import functools

import pytest

from experiments.updates import tell
from experiments.updates import watch as watch_module
from experiments.updates.backoff import Backoff
from experiments.updates.prepare import Sources
from experiments.updates.switching import InUse
from experiments.updates.watch import files_of, items_of, watch


def looks(folder, learn, *steps) -> None:
  """Watches, doing a step after each look, until there is none."""
  rest = iter(steps)

  def until() -> bool:
    step = next(rest, None)
    if step is not None:
      step()
    return step is None

  nothing = Sources(folder, None, folder / "log", {}, {})
  watch(folder, nothing, learn, every=0.001, until=until)


@pytest.fixture
def learned(tmp_path):
  found = []

  def learn(sources) -> None:
    items = sources.items and sources.items.name
    text = sources.events.read_text()
    if text == "bad":
      raise ValueError("bad file")
    found.append((sources.events.name, items, text))

  return found, learn


def nothing() -> None:
  pass


def test_files_are_learned_once_in_the_order_of_their_names(tmp_path, learned):
  found, learn = learned
  for name in ("02.csv", "01.csv", "03.parquet"):
    (tmp_path / name).write_text(name)
  for name in (".04.csv", "notes.md", "01.items.csv"):
    (tmp_path / name).write_text("")
  looks(tmp_path, learn, nothing, nothing, nothing)
  assert found == [
    ("01.csv", "01.items.csv", "01.csv"),
    ("02.csv", None, "02.csv"),
    ("03.parquet", None, "03.parquet"),
  ]


def test_a_file_that_still_grows_waits_and_later_ones_behind_it(
  tmp_path, learned
):
  found, learn = learned
  first, second = tmp_path / "01.csv", tmp_path / "02.csv"
  first.write_text("a")
  second.write_text("b")
  looks(tmp_path, learn, lambda: first.write_text("aa"), nothing, nothing)
  assert found == [("01.csv", None, "aa"), ("02.csv", None, "b")]


def test_a_bad_file_is_one_line_and_the_next_one_has_its_turn(
  tmp_path, learned, capsys
):
  found, learn = learned
  (tmp_path / "01.csv").write_text("bad")
  (tmp_path / "02.csv").write_text("good")
  looks(tmp_path, learn, nothing, nothing, nothing)
  assert [each[0] for each in found] == ["02.csv"]
  assert capsys.readouterr().err == "watch: bad file\n"


def test_a_file_that_was_corrected_is_tried_again(tmp_path, learned):
  found, learn = learned
  path = tmp_path / "01.csv"
  path.write_text("bad")
  looks(
    tmp_path, learn, nothing, nothing, lambda: path.write_text("good"),
    nothing, nothing,
  )  # fmt: skip
  assert found == [("01.csv", None, "good")]


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
  """Makes time a thing of the test: it passes where it is added to."""
  passed = [0.0]
  make = functools.partial(Backoff, now=lambda: sum(passed), draw=lambda: 0.0)
  monkeypatch.setattr(watch_module, "Backoff", lambda every: make(1000 * every))
  return passed


@pytest.mark.parametrize("error", [OSError, tell.NotSwitched, InUse])
def test_a_file_that_is_not_to_blame_is_tried_again_and_later_ones_wait(
  tmp_path, capsys, error, pauses
):
  errors, found = [error("full"), error("full")], []

  def learn(sources) -> None:
    found.append(sources.events.name)
    if errors:
      raise errors.pop()

  for name in ("01.csv", "02.csv"):
    (tmp_path / name).write_text(name)
  looks(
    tmp_path, learn, nothing, nothing, nothing, lambda: pauses.append(1),
    lambda: pauses.append(1), lambda: pauses.append(1), nothing,
  )  # fmt: skip
  # The first try, the second after a second, the third after two more.
  assert found == ["01.csv", "01.csv", "01.csv", "02.csv"]
  said = capsys.readouterr().err
  assert said.count("\n") == 1
  assert said.startswith("watch: full; it is tried again, ")


def test_a_file_that_is_replaced_is_tried_at_once(tmp_path, learned, pauses):
  found, learn = learned

  def full_or(sources) -> None:
    if sources.events.read_text() == "full":
      raise OSError("full")
    learn(sources)

  path = tmp_path / "01.csv"
  path.write_text("full")
  looks(
    tmp_path, full_or, nothing, nothing, lambda: path.write_text("good"),
    nothing, nothing,
  )  # fmt: skip
  assert found == [("01.csv", None, "good")]


def test_a_server_that_is_away_is_told_later_and_keeps_nothing_waiting(
  tmp_path, capsys, pauses
):
  away, found = [True], []

  def learn(sources) -> None:
    found.append(sources.events.name)
    if away:
      raise tell.NotReached("nobody answers")

  for name in ("01.csv", "02.csv"):
    (tmp_path / name).write_text(name)
  looks(
    tmp_path, learn, nothing, nothing, nothing, lambda: pauses.append(2),
    away.clear, nothing, nothing, lambda: pauses.append(9), nothing, nothing,
  )  # fmt: skip
  assert found == ["01.csv", "02.csv", "02.csv", "02.csv"]
  said = capsys.readouterr().err.splitlines()
  # One for each version that it does not know.
  assert len(said) == 2
  assert set(said) == {said[0]}


def test_a_refusal_that_comes_late_is_tried_again(tmp_path, pauses):
  errors = [tell.NotSwitched("no"), tell.NotReached("nobody")]
  found = []

  def learn(sources) -> None:
    found.append(sources.events.name)
    if errors:
      raise errors.pop()

  (tmp_path / "01.csv").write_text("a")
  looks(
    tmp_path, learn, nothing, nothing, lambda: pauses.append(1),
    lambda: pauses.append(9), nothing, nothing,
  )  # fmt: skip
  assert found == ["01.csv"] * 3


def test_a_file_that_vanishes_does_not_end_the_watch(
  tmp_path, learned, monkeypatch
):
  found, learn = learned
  (tmp_path / "02.csv").write_text("b")
  listed = files_of(tmp_path)
  monkeypatch.setattr(
    watch_module, "files_of", lambda folder: [folder / "01.csv", *listed]
  )
  looks(tmp_path, learn, nothing, nothing)
  assert found == [("02.csv", None, "b")]


@pytest.mark.parametrize(
  ("events", "items"),
  [("a.csv", "a.items.jsonl.gz"), ("b.tsv.gz", "b.items.tsv"), ("c.pq", None)],
)
def test_items_stand_beside_their_events(tmp_path, events, items):
  (tmp_path / events).touch()
  if items:
    (tmp_path / items).touch()
  found = items_of(tmp_path / events)
  assert (found and found.name) == items
  assert [path.name for path in files_of(tmp_path)] == [events]


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
  with pytest.raises(FileNotFoundError, match="there is no folder"):
    looks(tmp_path / "none", nothing)
