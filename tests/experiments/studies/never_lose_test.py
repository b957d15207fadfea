"""Rows of the study, and the whole of it on a tiny shop."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from configs import never_lose as recipe
from configs import own_data, study
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.studies import claims, never_lose
from experiments.studies.never_lose_paper import BEST, verdicts
from experiments.studies.never_lose_runs import (
  KEPT,
  MODEL,
  Answers,
  recipe_of,
)
from experiments.studies.record import load_record
from gr_jax.data.requests import TEST
from tests.reference.small_world import shop


def answers(items):
  """Those of next-basket requests of the small shop, by system."""
  data = SimpleNamespace(catalogue=shop().catalogue, requests=shop().requests)
  drawn = draw_eval_requests(data.requests, split=TEST, count=0, seed=0)
  (one,) = [one for one in drawn if one.kind == "next_basket"]
  found = {
    f"next_basket/kept/{name}": rank(one) for name, rank in items.items()
  }
  return Answers(data, [one], found, {})


def right(one):
  """The targets of every request, and nothing else."""
  items = np.full((len(one.rows), KEPT), -1)
  for r in range(len(one.rows)):
    targets = one.targets[r][:KEPT]
    items[r, : len(targets)] = targets
  return items


def wrong(one):
  return np.full((len(one.rows), KEPT), -1)


def test_segments_part_the_targets_by_training_purchases():
  found = never_lose.columns_of(answers({MODEL: right}))[MODEL]
  one = answers({}).requests[0]
  popularity = shop().catalogue.popularity
  for r in range(len(one.rows)):
    counts = popularity[one.targets[r]]
    for segment, there in (
      ("all", counts >= 0), ("head", counts >= 10), ("tail", counts < 10),
      ("new", counts == 0),
    ):  # fmt: skip
      value = found[f"next_basket/kept/{segment}/recall@10"][r]
      assert np.isnan(value) if not there.any() else value == 1, segment


def row(arm, baseline, metric, **figures):
  return {"arm": arm, "baseline": baseline, "metric": metric} | figures


def test_verdicts_count_rows_beside_the_best_baseline():
  ends = [(0.1, 0.2), (-0.1, 0.1), (-0.2, -0.1), (0.0, 0.1)]
  rows = [
    row(MODEL, BEST, f"a/kept/all/{k}", low=low, high=high)
    for k, (low, high) in enumerate(ends)
  ]
  rows += [row(MODEL, BEST, "a/kept/tail/recall@10", low=-2, high=-1)]
  rows += [row(MODEL, "item_knn", "a/kept/all/0", low=-2, high=-1)]
  assert verdicts(rows) == {
    "rows": 4, "not_below": 0.75, "above": 0.25, "tail_not_below": 0.0,
  }  # fmt: skip


def test_the_best_baseline_is_the_one_of_the_highest_mean():
  def half(one):
    items = right(one)
    items[::2] = -1
    return items

  of = {MODEL: half, "popularity": wrong, "item_knn": right, "boosted": right}
  made = answers(of)
  columns = never_lose.columns_of(made)
  users = {one.kind: one.users for one in made.requests}
  rows = never_lose.world_rows({k: {0: v} for k, v in columns.items()}, users)
  metric = "next_basket/kept/all/recall@10"
  by_key = {(r["arm"], r["baseline"]): r for r in rows if r["metric"] == metric}
  best = by_key[MODEL, BEST]
  assert best["best"] == by_key[BEST, BEST]["best"] == "item_knn"
  assert best["p"] is None
  for name in ("difference", "low", "high", "value"):
    assert best[name] == by_key[MODEL, "item_knn"][name]
  assert best["difference"] == pytest.approx(by_key[MODEL, MODEL]["value"] - 1)
  assert (MODEL, "boosted") in by_key
  assert verdicts(rows)["not_below"] < 1


def test_worlds_set_nothing_of_the_recipe_but_the_data():
  config = recipe.get_config()
  own = own_data.get_config()
  own.name = config.recipe.name  # As the published rows call it.
  assert config.recipe == own
  for name in config.worlds:
    section = config.sections[name]
    made = recipe_of(config, section, seed=3, path="DIR")
    plain = own_data.get_config()
    plain.name = own.name
    changed = {
      "data": made.data,
      "seeds": (made.tokenizer.seed, made.generator.seed),
      "evaluation": made.evaluation.requests,
    }
    assert changed["seeds"] == (3, 3)
    plain.data = made.data
    plain.tokenizer.seed = plain.generator.seed = 3
    plain.sasrec.training.seed = 3
    plain.evaluation.update(kept=KEPT, requests=made.evaluation.requests)
    assert made.to_dict() == plain.to_dict(), name
  assert {"amazon_beauty", "amazon_beauty_cold", "small"} <= set(config.worlds)


def test_a_world_whose_folder_is_absent_is_left_out(tmp_path, capsys):
  config = recipe.get_config("tiny")
  config.data_root = str(tmp_path)
  config.worlds = ("small", "complete_journey", "scifact")
  (tmp_path / "scifact").mkdir()
  found = list(never_lose._with_data(config))
  assert found == ["complete_journey", "scifact"]
  assert "small is left out" in capsys.readouterr().out
  config.worlds = ("ml_1m",)
  with pytest.raises(ValueError, match="none of the worlds ml_1m"):
    never_lose.run(config, tmp_path / "work")
  config.worlds = ("nowhere",)
  with pytest.raises(ValueError, match="worlds is 'nowhere'"):
    never_lose.run(config, tmp_path / "work")


def test_an_unknown_preset_is_refused():
  with pytest.raises(ValueError, match="'huge'"):
    recipe.get_config("huge")


def tiny():
  """Two seeds of a tiny shop, a tenth of whose items is cold."""
  config = recipe.get_config("tiny")
  shop = study.shop(items=300, users=60, requests=800)
  section = {
    "folder": "", "form": "", "options": {}, "seeds": (0, 1), "boosted": True,
    "data": shop | {"cold_share": 0.1},
  }  # fmt: skip
  config.sections = {"shop_cold": section}
  config.worlds = ("shop_cold",)
  return config


def test_files_are_written_after_every_world(tmp_path, monkeypatch):
  """With answers in place of runs; a world is below, another above."""

  def run_once(config, section, workdir, *, seed):
    del config
    good = workdir.name == "good"
    of = {MODEL: right if good else wrong, "popularity": wrong}
    of |= {"boosted": right, "boosted_model": right} if seed == 0 else {}
    if not good:
      # What was cut off has the files of the worlds before.
      assert (tmp_path / "table.json").exists()
      of["item_knn"] = right
    facts = {"parameters": 10, "seconds": 2.0, "minutes": 1.0 + seed}
    facts |= {"commits": [f"code{seed}"]}
    return dataclasses.replace(answers(of), facts=facts)

  monkeypatch.setattr(never_lose, "run_once", run_once)
  config = tiny()
  section = config.sections.shop_cold
  config.sections = {"good": section, "bad": section}
  config.worlds = ("good", "bad")
  config.output = str(tmp_path / "output")
  record = never_lose.run(config, tmp_path)
  written = (tmp_path / "output/table.json").read_text()
  assert written == record.to_json()
  assert record.origin["minutes"] == 6
  both = record.worlds["all_worlds"]
  # Recall and nDCG of two worlds, one of them all wrong.
  assert both["rows"][MODEL]["rows"] == 4
  assert both["rows"][MODEL]["not_below"] == 0.5
  assert both["rows"][MODEL]["above"] == 0.5
  assert both["run"][MODEL]["minutes"] == 1.5
  decided = claims.load_claims(tmp_path / "claims.json")
  verdicts_of = {
    (one["world"], one["metric"]): one["verdict"] for one in decided
  }
  assert verdicts_of["all_worlds", "rows/not_below"] == "missed"
  assert verdicts_of["all_worlds", "run/parameters"] == "met"
  metric = "next_basket/kept/all/recall@10"
  assert verdicts_of["good", metric] == "met"
  assert verdicts_of["bad", metric] == "missed"
  # Nothing was asked without seen items, so nothing is claimed of it.
  assert ("good", "next_basket/out/all/recall@10") not in verdicts_of
  page = (tmp_path / "table.md").read_text()
  assert "| bad" in page
  assert "**below**" in page
  assert "boosted model" in page
  assert "code of code0, code1" in page
  assert (tmp_path / "plot.svg").read_text().startswith("<")


@pytest.mark.slow
def test_the_whole_study_runs_and_goes_on(tmp_path, capsys):
  pytest.importorskip("sklearn")
  never_lose.run(tiny(), tmp_path)
  record = load_record(tmp_path / "table.json")
  facts = record.worlds["shop_cold"]
  assert facts["seeds"] == [0, 1]
  assert 0 < facts["run"][MODEL]["parameters"] < 13e6
  kinds = ("semantic", "personalised", "next_basket")
  for kind in kinds:
    own = record.find("shop_cold", f"{kind}/kept/all/recall@10", MODEL)
    assert 0 < own["value"] <= 1
    assert own["seeds"] == 2
    for arm, baseline in never_lose.PAIRS:
      assert record.find(
        "shop_cold", f"{kind}/kept/all/recall@10", arm, baseline
      )
  # A tenth of the items is cold, and some requests lead to them.
  assert any(
    record.find("shop_cold", f"{kind}/kept/new/recall@10", MODEL)
    for kind in kinds
  )
  decided = json.loads((tmp_path / "claims.json").read_text())
  assert decided == claims.decide(never_lose.STUDY.claims, record)
  assert {one["system"] for one in decided} == {"never-lose"}
  first = (tmp_path / "table.md").read_text()
  # What has run is not run again, and its models are not needed.
  capsys.readouterr()
  for seed in (0, 1):
    shutil.rmtree(tmp_path / f"shop_cold/seed_{seed}/generator")
  never_lose.run(tiny(), tmp_path)
  assert "started" not in capsys.readouterr().err
  again = (tmp_path / "table.md").read_text()
  assert again.split("Made by")[0] == first.split("Made by")[0]
