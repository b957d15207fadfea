from gr_jax.evaluation.report import run_sections


def test_level_zero_is_the_whole_id():
  rows = [
    {"metric": "items", "level": 0, "value": 1200.0},
    {"metric": "gini", "level": 1, "value": 0.25},
  ]
  table = run_sections.by_level(rows)
  assert table.head == ["figure", "whole ID", "level 1"]
  assert [[cell.text for cell in row.cells] for row in table.rows] == [
    ["items", "1,200", ""],
    ["gini", "", "0.25"],
  ]


def test_nested_values_have_dotted_names():
  values = {"seed": 1, "model": {"width": 8, "rate": 0.1 + 0.2}}
  assert list(run_sections.terms(values)) == [
    ("seed", "1"),
    ("model.width", "8"),
    ("model.rate", "0.3"),
  ]


def test_every_stage_has_its_time_and_its_commit():
  seconds = {"embed": 3.21, "train": 380.0}
  commits = {"embed": "abc", "train": "def-dirty"}
  section = run_sections.stages(seconds, commits, {"config": {"seed": 1}})
  (table,) = section.tables
  assert [[cell.text for cell in row.cells] for row in table.rows] == [
    ["embed", "3.2 s", "abc"],
    ["train", "6 min 20 s", "def-dirty"],
  ]
  assert [(fold.title, fold.terms) for fold in section.folds] == [
    ("Config", [("seed", "1")])
  ]


def test_only_different_commits_are_a_warning():
  assert not run_sections.mixed_commits({})
  assert not run_sections.mixed_commits({"embed": "abc", "train": "abc"})
  (warning,) = run_sections.mixed_commits(
    {"embed": "abc", "train": "abc, def", "evaluate": "abc"}
  )
  assert "(abc, def)" in warning
  assert run_sections.mixed_commits({"train": "abc", "evaluate": "unknown"})


def test_a_run_without_ids_or_curves_has_no_such_sections():
  assert not run_sections.semantic_ids([], [], [])
  assert not run_sections.training({"generator": [{"step": 1, "other": 2.0}]})
  (ids,) = run_sections.semantic_ids([], [], [3, 1])
  assert (len(ids.figures), len(ids.tables)) == (1, 0)
