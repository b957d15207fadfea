"""The record of a run holds the figures of its report, and no others."""

import pytest

from experiments.studies import run_record
from experiments.studies.record import load_record

FIGURES = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 40}
APART = {"difference": 0.2, "difference_low": 0.1, "difference_high": 0.3}
ORIGIN = {
  "command": "python -m gr_jax.main --config=c.py", "commit": "later",
  "machine": "1 x cpu",
}  # fmt: skip


def row(system, kind, **fields):
  role = "model" if system == "mine" else "baseline"
  place = {
    "system": system, "role": role, "requests": kind, "level": "item",
    "seen": "kept", "segment": "all", "metric": "recall", "k": 10,
  }  # fmt: skip
  return place | FIGURES | fields


def small_report(**parts):
  """A model beside a baseline, which has the paired difference."""
  results = [
    row("mine", "semantic"),
    row("mine", "next_basket", value=0.123456789),
    row("mine", "next_basket", seen="out", value=0.25),
    row("mine", "next_basket", seen="out", segment="tail", value=0.125, n=7),
    row("bm25", "semantic", value=0.3, low=0.2, high=0.4, **APART),
    row("popularity", "next_basket", value=0.1, low=0.0, high=0.2),
    # Those of no record.
    row("mine", "semantic", level="id"),
    row("mine", "semantic", k=5),
    row("mine", "next_basket", seen="out", k=1),
  ]
  seeds = {"tokenizer": {"seed": 1}, "generator": {"seed": 2}}
  report = {
    "config": seeds | {"evaluation": {"seed": 3}},
    "versions": {"jax": "1.2"},
    "seconds": {"train": 90.0, "evaluate": 30.0},
    "commits": {"train": "abc", "evaluate": "abc"},
    "origin": ORIGIN,
    "results": results,
    "hallucination": [{"requests": "semantic", **FIGURES}],
    "beams": [{"requests": "semantic", "beam": 50, **FIGURES}],
    "quality": [
      {"metric": "ids", "level": 0, "value": 9.0},
      {"metric": "gini", "level": 1, "value": 0.1},
    ],
    "level_sizes": [4, 4],
    "target_known": {"train": 0.25, "valid": 0.24},
  }
  return report | parts


@pytest.fixture
def record():
  return run_record.from_report(small_report(), "shop")


def test_every_system_has_its_own_figure(record):
  row = record.find("shop", "semantic/recall@10", "bm25")
  assert row == {
    "world": "shop", "metric": "semantic/recall@10", "arm": "bm25",
    "baseline": "bm25", "value": 0.3, "value_low": 0.2, "value_high": 0.4,
    "difference": 0.0, "low": 0.0, "high": 0.0, "n": 40, "seeds": 1,
  }  # fmt: skip


def test_the_model_has_the_paired_difference_to_a_baseline(record):
  row = record.find("shop", "semantic/recall@10", "mine", "bm25")
  assert [row[name] for name in ("difference", "low", "high")] == [
    0.2, 0.1, 0.3,
  ]  # fmt: skip
  # The figure is the model's own.
  assert [row[f"value{end}"] for end in ("", "_low", "_high")] == [
    0.5, 0.4, 0.6,
  ]  # fmt: skip


def test_a_difference_belongs_to_its_view():
  views = [{}, {"seen": "out"}, {"segment": "tail"}]
  results = [
    row(system, "semantic", value=0.1 * k, **view, **apart)
    for system, apart in (("mine", {}), ("bm25", APART))
    for k, view in enumerate(views, start=1)
  ]
  report = small_report(results=results)
  record = run_record.from_report(report, "shop")
  values = {
    row["metric"]: row["value"]
    for row in record.rows
    if row["baseline"] == "bm25" and row["arm"] == "mine"
  }
  assert values == {
    "semantic/recall@10": 0.1,
    "semantic/unseen/recall@10": 0.2,
    "semantic/tail/recall@10": 0.3,
  }


def test_a_difference_that_no_report_has_is_none_of_the_record(record):
  metric = "next_basket/recall@10"
  assert record.find("shop", metric, "popularity")
  assert record.find("shop", metric, "mine", "popularity") is None


def test_views_beams_and_hallucination_are_named_by_their_metric(record):
  values = {row["metric"]: row["value"] for row in record.rows
            if row["arm"] == row["baseline"] == "mine"}  # fmt: skip
  assert values == {
    "semantic/recall@10": 0.5,
    "next_basket/recall@10": 0.12346,
    "next_basket/unseen/recall@10": 0.25,
    "next_basket/unseen/tail/recall@10": 0.125,
    "semantic/hallucination": 0.5,
    "semantic/beam_50/recall@10": 0.5,
  }


def test_facts_and_origin_are_those_of_the_run(record):
  assert record.worlds == {
    "shop": {
      "variants": ["mine", "bm25", "popularity"], "model": "mine",
      "seen": "kept", "seeds": [2], "level_sizes": [4, 4], "ids": 9.0,
      "requests": {"semantic": 40, "next_basket": 40},
      "target_known": {"train": 0.25, "valid": 0.24},
    }
  }  # fmt: skip
  assert record.origin == {
    "command": ORIGIN["command"], "commit": "abc", "machine": "1 x cpu",
    "versions": {"jax": "1.2"}, "minutes": 2.0,
    "seeds": {"tokenizer": 1, "generator": 2, "requests": 3},
  }  # fmt: skip


def test_stages_of_several_commits_name_them_all():
  commits = {"train": "abc", "evaluate": "def"}
  record = run_record.from_report(small_report(commits=commits), "shop")
  assert record.origin["commit"] == "abc, def"


def test_it_is_read_as_it_was_written(record, tmp_path):
  path = tmp_path / "table.json"
  path.write_text(record.to_json())
  assert load_record(path) == record


def test_systems_are_chosen_and_unknown_ones_refused():
  report = small_report()
  record = run_record.from_report(report, "shop", systems=["bm25"])
  assert {row["arm"] for row in record.rows} == {"bm25"}
  assert record.worlds["shop"]["variants"] == ["bm25"]
  assert record.worlds["shop"]["requests"] == {"semantic": 40}
  with pytest.raises(ValueError, match=r"no figures of dpr; .* mine, bm25"):
    run_record.from_report(report, "shop", systems=["bm25", "dpr"])


def test_folders_of_a_machine_are_not_kept():
  report = small_report()
  report["config"] |= {"data": {"path": "/a/b", "seed": 0}, "x": {"path": ""}}
  command = "python -m gr_jax.main --config=c.py --config.data.path"
  report["origin"] = ORIGIN | {"command": f"{command}=/a/b --config.seed=1"}
  record = run_record.from_report(report, "shop")
  assert record.origin["command"] == f"{command}=DIR --config.seed=1"
  assert record.config["data"] == {"path": "DIR", "seed": 0}
  assert record.config["x"] == {"path": ""}
