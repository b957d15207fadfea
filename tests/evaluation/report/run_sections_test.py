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


def test_ids_have_the_parts_that_a_run_knows():
  assert run_sections.semantic_ids([], [], []).is_empty()
  section = run_sections.semantic_ids([], [], [3, 1])
  assert (len(section.figures), len(section.tables)) == (1, 0)


def test_how_training_ended_is_a_sentence():
  outcome = {"step": 40, "ended": 60, "steps": 900, "loss": 3.0}
  outcome |= {"last_loss": 3.25, "patience": 2}
  report = {"outcome": outcome, "sizes": {"sentence": "sizes: 3 items"}}
  assert run_sections.training_notes(report) == [
    "Training stopped at step 60 of 900: the held-out loss did not fall in 2 "
    "evaluations; step 40 is used, held-out loss 3 (3.25 at the end).",
    "Sizes: 3 items.",
  ]
  assert run_sections.training_notes({}) == []


def test_the_share_of_the_network_and_what_was_before_are_sentences():
  names = "requests", "share", "value", "chosen"
  rows = [
    dict(zip(names, row))
    for row in (
      ("semantic", 1.0, 0.2, True),
      ("semantic", 0.0, 0.1, False),
      ("next_basket", 1.0, 0.31, False),
      ("next_basket", 0.0, 0.3, True),
    )
  ]
  report = {"kept_before": "alignment: nothing", "network_share": rows}
  assert run_sections.training_notes(report) == [
    "Alignment: nothing.",
    "The share of the network that is used beside its candidates, chosen on "
    "validation: semantic 1 (recall@10 0.200; without it 0.100), next basket 0 "
    "(recall@10 0.300; without it 0.300).",
  ]


def test_the_second_look_has_the_best_system_first():
  def row(system, value, kind, seen, role="baseline"):
    names = {"system": system, "requests": kind, "seen": seen, "role": role}
    return names | {"value": value}

  (table,) = run_sections.second_look(
    [
      row("m", 0.2, "semantic", "kept", "model"),
      row("bm25", 0.3, "semantic", "kept"),
      row("m", 0.25, "next_basket", "out", "model"),
      row("knn", 0.1, "next_basket", "out"),
    ]
  )
  assert table.head == [
    "recall@10 on validation", "semantic", "next basket, seen out"
  ]  # fmt: skip
  assert [[cell.text for cell in row.cells] for row in table.rows] == [
    ["bm25", "0.3000", ""],
    ["m", "0.2000", "0.2500"],
    ["knn", "", "0.1000"],
  ]
  assert [row.tone for row in table.rows] == ["", "model", ""]
  assert run_sections.second_look([]) == []


def test_ids_of_one_item_each_are_a_sentence():
  section = run_sections.semantic_ids([], [], [68509])
  assert section.figures == []
  assert section.notes == ["Each of the 68,509 IDs names one item."]
  (note,) = run_sections.semantic_ids([], [], [0, 12]).notes
  assert note == "Each of the 12 IDs names 2 items."


def test_numbers_have_no_exponents():
  rows = [{"metric": "items", "level": 0, "value": 68509.0}]
  rows += [{"metric": "random_in_prefix", "level": 0, "value": 3.528e-05}]
  table = run_sections.by_level(rows)
  assert [row.cells[1].text for row in table.rows] == ["68,509", "0.00003528"]
  assert list(run_sections.terms({"a": 1e-5, "b": 1e6})) == [
    ("a", "0.00001"),
    ("b", "1,000,000"),
  ]


def test_seeds_are_named_where_they_differ():
  def seeds(config):
    return run_sections.origin_terms({"config": config}).get("seeds")

  assert seeds({"seed": 3, "align": {"cold_seed": 3}}) == "3, all of them"
  assert seeds({"seed": 0, "align": {"seed": 1}}) == "seed: 0; align.seed: 1"
  assert seeds({"width": 64}) is None
