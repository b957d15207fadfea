from gr_jax.evaluation.report import text_table


def _row(system, requests, metric, value, **more):
  return {
    "system": system,
    "requests": requests,
    "level": "item",
    "seen": "kept",
    "segment": "all",
    "metric": metric,
    "k": 10,
    "value": value,
    "low": value - 0.01,
    "high": value + 0.01,
    "n": 1200,
  } | more


ROWS = [
  _row("bm25", "semantic", "recall", 0.1),
  _row("bm25", "semantic", "ndcg", 0.05),
  _row("cq_sid", "semantic", "recall", 0.25),
  _row("cq_sid", "semantic", "ndcg", 0.125),
  _row("cq_sid", "next_basket", "recall", 0.5),
  _row("cq_sid", "semantic", "recall", 0.99, level="id"),
  _row("cq_sid", "semantic", "recall", 0.98, segment="tail"),
]


def test_systems_stand_from_best_to_worst_under_their_requests():
  blocks = text_table.table(ROWS).split("\n\n")
  assert len(blocks) == 2
  head, line, best, worst = blocks[0].splitlines()
  assert head.startswith("semantic (1,200 requests)")
  assert set(line) == {"-"}
  assert best.split() == (
    ["cq_sid", "0.2500", "[0.2400,", "0.2600]", "0.1250", "[0.1150,", "0.1350]"]
  )
  assert worst.startswith("bm25")


def test_columns_are_aligned():
  for block in text_table.table(ROWS).split("\n\n"):
    assert len({len(line) for line in block.splitlines()}) == 1


def test_a_missing_figure_is_a_dash():
  assert text_table.table(ROWS).splitlines()[-1].split()[-1] == "-"


def test_only_the_wanted_level_is_shown():
  assert "0.99" not in text_table.table(ROWS)
  assert "0.99" in text_table.table(ROWS, level="id")


def test_grades_have_a_column_where_there_are_any():
  assert "graded" not in text_table.table(ROWS)
  graded = _row("bm25", "semantic", "graded_ndcg", 0.75)
  head, _, best, worst = (
    text_table.table([*ROWS, graded]).split("\n\n")[0].splitlines()
  )
  assert head.endswith("graded_ndcg@10")
  assert "0.7500" in worst
  assert best.endswith("-")
