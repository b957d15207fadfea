from gr_jax.evaluation.report import result_tables


def _row(system, requests, value, metric="recall", k=10):
  return {
    "system": system,
    "role": "baseline" if system == "bm25" else "model",
    "requests": requests,
    "metric": metric,
    "k": k,
    "value": value,
    "low": value - 0.01,
    "high": value + 0.01,
  }


ROWS = [
  _row("bm25", "semantic", 0.2),
  _row("<cq>", "semantic", 0.3),
  _row("<cq>", "next_basket", 0.1),
  _row("<cq>", "semantic", 0.6, k=50),
]


def test_the_best_figure_of_a_column_is_marked():
  table = result_tables.by_system(ROWS, metric="recall", k=10)
  cells = [cell for row in table.rows for cell in row.cells]
  best = [cell.text for cell in cells if cell.tone == "best"]
  assert best == ["0.3000", "0.1000"]


def test_models_stand_apart_from_baselines_and_gaps_are_named():
  table = result_tables.by_system(ROWS, metric="recall", k=10)
  first, second = table.rows
  assert table.head == ["system", "semantic recall@10", "next basket recall@10"]
  assert (first.tone, first.cells[0].text) == ("model", "<cq>")
  assert (second.tone, second.cells[0].text) == ("baseline", "bm25")
  assert second.cells[1].note == "0.1900 to 0.2100"
  assert (second.cells[2].text, second.cells[2].tone) == ("n/a", "absent")


def test_every_cutoff_has_a_column():
  table = result_tables.every_cutoff(ROWS[:2] + ROWS[3:])
  assert table.head == ["system and metric", "@10", "@50"]
  assert [[cell.text for cell in row.cells] for row in table.rows] == [
    ["bm25 recall", "0.2000", ""],
    ["<cq> recall", "0.3000", "0.6000"],
  ]
