import re

import pytest

from gr_jax.evaluation.report import text_table


def _row(system, requests, metric, value, **more):
  return {
    "system": system,
    "role": "model" if system == "cq_sid" else "baseline",
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
    "difference": None if system == "cq_sid" else 0.15,
    "difference_low": 0.1,
    "difference_high": 0.2,
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
  blocks = text_table.headline(ROWS).split("\n\n")
  assert len(blocks) == 2
  head, line, best, worst = blocks[0].splitlines()
  assert head.startswith("semantic (1,200 requests)")
  assert set(line) == {"-"}
  figures = "0.2500 [0.2400, 0.2600] 0.1250 [0.1150, 0.1350]"
  assert best.split() == ["cq_sid", *figures.split(), "-"]
  assert worst.startswith("bm25")


def test_the_last_column_is_the_paired_difference_of_the_model():
  head, _, _, worst = text_table.headline(ROWS).split("\n\n")[0].splitlines()
  assert head.endswith("cq_sid minus it")
  assert worst.endswith("+0.1500 [+0.1000, +0.2000]")
  alone = [row for row in ROWS if row["system"] == "bm25"]
  assert "minus" not in text_table.headline(alone)


def test_columns_are_aligned():
  for block in text_table.headline(ROWS).split("\n\n"):
    assert len({len(line) for line in block.splitlines()}) == 1


def test_a_missing_figure_is_a_dash():
  last = text_table.headline(ROWS).splitlines()[-1]
  assert last.split() == ["cq_sid", "0.5000", "[0.4900,", "0.5100]", "-", "-"]


def test_only_the_wanted_level_is_shown():
  assert "0.99" not in text_table.headline(ROWS)
  assert "0.99" in text_table.headline(ROWS, level="id")


def test_grades_have_a_column_where_there_are_any():
  assert "graded" not in text_table.headline(ROWS)
  graded = _row("bm25", "semantic", "graded_ndcg", 0.75)
  head, _, best, worst = (
    text_table.headline([*ROWS, graded]).split("\n\n")[0].splitlines()
  )
  assert "graded_ndcg@10" in head
  assert "0.7500" in worst
  assert best.split()[-2:] == ["-", "-"]


CELLS = [["arm", "hits"], ["a long name", "1.0"], ["b", "a|b"]]


def test_markdown_has_a_head_a_rule_and_columns_that_line_up():
  assert text_table.markdown(CELLS).splitlines() == [
    "| arm         | hits |",
    "|-------------|------|",
    "| a long name | 1.0  |",
    r"| b           | a\|b |",
  ]


def test_a_cell_of_markdown_can_hold_a_bar():
  *_, last = text_table.markdown(CELLS).splitlines()
  assert len(re.findall(r"(?<!\\)\|", last)) == 3


def test_a_terminal_has_names_to_the_left_and_figures_to_the_right():
  assert text_table.terminal(CELLS).splitlines() == [
    "arm          hits",
    "-----------------",
    "a long name   1.0",
    "b             a|b",
  ]


@pytest.mark.parametrize("rows", [[], [["a", "b"], ["c"]]])
def test_rows_that_are_no_table_raise(rows):
  for write in (text_table.markdown, text_table.terminal):
    with pytest.raises(ValueError, match="as long as the head"):
      write(rows)
