"""What all studies share; whole studies run end to end at their smallest."""

import dataclasses
import json
import pathlib
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from experiments.studies import comparisons
from experiments.studies.record import load_record
from experiments.studies.run_record import SINGLE_RUN
from experiments.studies.study import (
  check_variants,
  load_study,
  page,
  run_study,
)
from experiments.studies.variant import Variant
from tests.reference.small_studies import CONFIGS, run_small, smallest

RESULTS = pathlib.Path(__file__).parents[3] / "experiments/results"
PUBLISHED = sorted(
  path.parent.name
  for path in RESULTS.glob("*/table.json")
  if load_record(path).study != SINGLE_RUN
)
FILES = ("table.md", "table.json", "plot.svg", "claims.json")


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("preset", ["", "tiny"])
def test_every_preset_compares_variants_that_there_are(name, preset):
  study, config = load_study(name), CONFIGS[name].get_config(preset)
  variants = study.variants(config)
  worlds = config.get("worlds", {name: config})
  for world in worlds.values():
    names = world.get("variants", config.get("variants"))
    check_variants(study, variants, names, where=name)
    assert set(study.needs) <= set(names)


@pytest.mark.parametrize("name", CONFIGS)
def test_an_unknown_preset_is_named(name):
  with pytest.raises(ValueError, match="'huge'"):
    CONFIGS[name].get_config("huge")


@pytest.mark.parametrize("name", CONFIGS)
def test_an_unknown_variant_is_named_before_anything_runs(name, tmp_path):
  config = smallest(name)
  config.variants = (*config.variants, "no_such_variant")
  worlds = config.get("worlds", {})
  for world in worlds.values():
    world.variants = config.variants
  with pytest.raises(ValueError, match=r"no_such_variant.*use one of"):
    run_study(load_study(name), config, tmp_path)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
  "names", [("sft", "k0", "k0"), ("sft",), ("k0", "k2"), ("sft", "k2")]
)
def test_variants_that_compare_nothing_are_refused(names):
  study = dataclasses.replace(load_study("eg_grpo"), needs=("sft", "k0"))
  variants = {name: Variant(name) for name in ("sft", "k0", "k2")}
  with pytest.raises(ValueError, match=r"give sft, k0 and at least one"):
    check_variants(study, variants, names, where="shop")


@pytest.mark.parametrize("folder", PUBLISHED)
def test_a_published_page_is_what_its_table_gives(folder):
  record = load_record(RESULTS / folder / "table.json")
  text = (RESULTS / folder / "table.md").read_text()
  assert page(record, load_study(record.study)) == text
  assert record.origin["commit"] in text


@pytest.mark.parametrize("folder", PUBLISHED)
def test_no_variant_of_a_published_table_differs_from_itself(folder):
  rows = load_record(RESULTS / folder / "table.json").rows
  same = [row for row in rows if row["arm"] == row["baseline"]]
  assert same
  for row in same:
    if row["difference"] is not None:
      assert row["difference"] == row["low"] == row["high"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_files_are_written_and_copied(name):
  record, work, out = run_small(name)
  for file in FILES:
    assert (work / file).read_text() == (out / file).read_text()
  assert load_record(work / "table.json").to_json() == record.to_json()
  assert str(out) not in (work / "table.json").read_text()
  ElementTree.parse(work / "plot.svg")
  assert json.loads((work / "claims.json").read_text())
  text = (work / "table.md").read_text()
  assert text.startswith(f"# {load_study(name).title}")
  assert "95 % interval" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_differences_lie_in_their_intervals(name):
  record, _, _ = run_small(name)
  for row in record.rows:
    if "difference" not in row:
      continue
    assert row["low"] <= row["difference"] <= row["high"]
    if row["arm"] == row["baseline"]:
      assert row["difference"] == row["low"] == row["high"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_rows_keep_what_single_seeds_say_and_the_page_its_comparisons(name):
  record, work, _ = run_small(name)
  compared = [row for row in record.rows if "difference" in row]
  assert compared
  for row in compared:
    assert len(row["by_seed"]) == row["compared"]
    assert len(row["value_by_seed"]) == row["seeds"]
    assert np.mean(row["by_seed"]) == pytest.approx(row["difference"], abs=1e-4)
    assert np.mean(row["value_by_seed"]) == pytest.approx(
      row["value"], abs=1e-4
    )
    assert (row["q"] is None) == (row["p"] is None)
  made, _ = comparisons.counts(record.rows)
  text = (work / "table.md").read_text()
  assert (f"makes {made} comparisons" in " ".join(text.split())) == (made > 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_kept_columns_are_those_of_the_same_requests(name):
  record, work, _ = run_small(name)
  facts = next(iter(record.worlds.values()))
  counts = facts["requests"]
  for file in work.rglob("hits.npz"):
    with np.load(file) as columns:
      for metric, values in dict(columns).items():
        if file.parent.name != "hits":  # Of the validation period.
          continue
        kind = metric.partition("/")[0] if "/" in metric else ""
        assert len(values) == counts[kind]


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_a_second_run_finds_what_the_first_one_left(name):
  record, work, _ = run_small(name)
  manifests = sorted(work.rglob("manifest.json"))
  times = [path.stat().st_mtime_ns for path in manifests]
  again = run_study(load_study(name), smallest(name), work)
  assert times == [path.stat().st_mtime_ns for path in manifests]
  # What is timed anew is no figure of the rows.
  assert again.rows == record.rows


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_the_picture_says_its_differences_aloud(name):
  _, work, _ = run_small(name)
  label = re.search(r'aria-label="([^"]*)"', (work / "plot.svg").read_text())
  # Nats have no points.
  start = "Differences: " if name == "pretrained" else "Differences in points: "
  assert label[1].startswith(start)
