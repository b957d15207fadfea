"""The report of a tiny run holds what it says, and is made once."""

import dataclasses
import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.pipeline import evaluate
from gr_jax.data.requests import TEST
from gr_jax.evaluation.results import select
from tests.reference.small_world import shop
from tests.reference.untrained_run import CONFIG, made

KINDS = ("semantic", "personalised", "next_basket")
BEAMS = CONFIG.evaluation.beams


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
  return made(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def report(stages):
  return evaluate.evaluate(CONFIG, stages)


def test_the_generator_and_its_baselines_answer_the_same_requests(report):
  rows = select(report["results"], segment="all", metric="recall", k=10)
  pairs = {(row["requests"], row["seen"]) for row in rows}
  assert {kind for kind, seen in pairs if seen == "kept"} == set(KINDS)
  assert {seen for _, seen in pairs} == {"kept", "out"}
  for kind, seen in pairs:
    both = select(rows, requests=kind, seen=seen)
    items = select(both, level="item")
    systems = [row["system"] for row in items]
    assert systems[0] == "cq_sid"
    assert {"popularity", "nearest"} < set(systems)
    assert len({row["n"] for row in items}) == 1
    assert [row["system"] for row in both].count("cq_sid") == 2


def test_the_report_says_how_many_requests_there_were(report, stages):
  rows = select(report["results"], level="item", segment="all", seen="kept")
  ranked = {row["requests"]: row["n"] for row in rows}
  page = (stages.workdir / "report.html").read_text()
  requests = shop().requests
  for row in report["sampled"]:
    kind = row["requests"]
    assert (row["split"], row["n"]) == ("test", ranked[kind])
    led = requests.rows(
      TEST, "next_basket" if kind == "next_basket" else "search"
    )
    assert row["of"] == sum(len(requests.targets(r)) > 0 for r in led)
    drawn = f"{row['n']} of {row['of']}, drawn at random."
    assert (drawn if row["n"] < row["of"] else f"all {row['of']}.") in page
  assert {row["requests"] for row in report["sampled"]} == set(KINDS)


def test_every_figure_lies_in_its_interval_and_is_a_share(report):
  for part in ("results", "beams", "hallucination"):
    assert report[part]
    for row in report[part]:
      assert row["low"] <= row["value"] <= row["high"]
      if row.get("metric", "recall") == "recall":
        assert 0 <= row["value"] <= 1


def test_every_figure_beside_the_model_has_a_paired_difference(report):
  models = select(report["results"], role="model")
  for row in report["results"]:
    ends = [row[f"difference{end}"] for end in ("_low", "", "_high")]
    if row["role"] == "model":
      assert ends == [None] * 3
    else:
      assert ends == sorted(ends)
      keys = ("requests", "level", "seen", "segment", "metric", "k")
      (own,) = select(models, **{key: row[key] for key in keys})
      assert row["difference"] == pytest.approx(own["value"] - row["value"])


def test_the_settings_of_the_baselines_are_in_the_report(report):
  chosen = [row for row in report["choices"] if row["chosen"]]
  assert {(row["system"], row["requests"]) for row in chosen} == {
    (system, kind)
    for system in ("repeat", "item_knn")
    for kind in ("personalised", "next_basket")
  }
  for row in report["fallback"]:
    assert 0 <= row["share"] <= 1
    assert row["system"] not in ("cq_sid", "popularity")


def test_validation_is_looked_at_with_every_system(report):
  rows = report["second_look"]
  assert {(row["requests"], row["seen"]) for row in rows} >= {
    (kind, "kept") for kind in KINDS
  }
  first = select(report["results"], role="model")[0]["n"]
  for row in rows:
    assert (row["level"], row["segment"]) == ("item", "all")
    assert (row["metric"], row["k"]) == ("recall", 10)
    assert 0 < row["n"] <= max(first, 8)
  for kind in KINDS:
    systems = {row["system"] for row in select(rows, requests=kind)}
    assert {"cq_sid", "popularity", "nearest"} <= systems


def test_every_kind_is_searched_at_every_beam(report):
  searched = [(row["requests"], row["beam"]) for row in report["beams"]]
  assert searched == [(kind, beam) for kind in KINDS for beam in BEAMS]


def test_the_report_has_the_data_and_ten_requests_to_look_at(report, stages):
  assert report["data"]["items"] == len(stages.data.catalogue)
  kinds = [row["requests"] for row in report["examples"]]
  assert set(kinds) == {"personalised", "next_basket"}
  assert max(map(kinds.count, kinds)) <= 10
  assert report["size"]["parameters"] > 0
  assert report["latency"] == []
  page = (stages.workdir / "report.html").read_text()
  assert report["examples"][0]["answers"][0]["text"][:20] in page


def test_the_files_hold_the_report(report, stages):
  stored = json.loads((stages.workdir / "report.json").read_text())
  assert stored == json.loads(json.dumps(report, default=list))
  assert "cq_sid" in (stages.workdir / "report.html").read_text()
  assert stored["history"]["tokenizer"] == [{"step": 1, "loss": 2.0}]
  counts = stored["items_per_id"]
  assert np.dot(counts, np.arange(1, len(counts) + 1)) == len(shop().catalogue)


def test_a_second_evaluation_searches_nothing(report, stages, monkeypatch):
  def never(*arguments):
    raise AssertionError("searched again")

  monkeypatch.setattr(evaluate, "_figures", never)
  again = evaluate.evaluate(CONFIG, stages)
  assert again["results"] == report["results"]


def test_an_unknown_setting_is_named(stages):
  config = ConfigDict(CONFIG.to_dict())
  config.evaluation.beem = 3
  with pytest.raises(TypeError, match="beem"):
    evaluate.evaluate(config, stages)


def test_the_report_names_the_commit_that_made_every_stage(stages, report):
  """Not the one that writes the report."""
  generator = stages.generator
  artefact = dataclasses.replace(generator.artefact, commit="abc")
  generator = dataclasses.replace(generator, artefact=artefact)
  changed = dataclasses.replace(stages, generator=generator)
  again = evaluate.evaluate(CONFIG, changed)
  assert again["commits"].keys() == again["seconds"].keys()
  assert again["commits"]["train"] == "abc"
  page = (stages.workdir / "report.html").read_text()
  assert page.count("Made by several commits") == 1


def test_recall_rises_with_the_cutoff_up_to_the_share_of_hits(report):
  figures = {}
  for row in report["results"]:
    if row["metric"] in ("recall", "hit_rate"):
      names = ("requests", "seen", "level", "system", "segment")
      key = tuple(row[name] for name in names)
      figures.setdefault(key, {})[row["metric"], row["k"]] = row["value"]
  assert any(values["recall", 10] > 0 for values in figures.values())
  for values in figures.values():
    cutoffs = sorted(k for metric, k in values if metric == "recall")
    recalls = [values["recall", k] for k in cutoffs]
    assert recalls == sorted(recalls)
    for k, recall in zip(cutoffs, recalls):
      assert recall <= values["hit_rate", k] <= 1
