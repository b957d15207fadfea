from gr_jax.evaluation.report import result_sections, verdicts


def _row(system, kind, **changed):
  ends = (-0.1, 0.0, 0.1) if system != "m" else (None,) * 3
  low, mean, high = ends
  return {
    "system": system,
    "role": "model" if system == "m" else "baseline",
    "requests": kind,
    "level": "item",
    "seen": "kept",
    "segment": "all",
    "metric": "recall",
    "k": 10,
    "value": 0.5,
    "low": 0.4,
    "high": 0.6,
    "n": 7,
    "difference": mean,
    "difference_low": low,
    "difference_high": high,
  } | changed


KINDS = ("semantic", "personalised", "next_basket")
ROWS = [_row(system, kind) for kind in KINDS for system in ("m", "bm25", "z")]


def _names(table):
  return [row.cells[0].text for row in table.rows]


def test_each_kind_of_requests_has_a_table_of_all_systems():
  section = result_sections.paired(ROWS, [], [])
  assert [_names(table) for table in section.tables] == [["m", "bm25", "z"]] * 3
  assert [t.head[0].partition(",")[0] for t in section.tables] == [
    "semantic",
    "personalised",
    "next basket",
  ]
  assert section.notes[0].startswith("These are 6 comparisons.")
  assert len(section.figures) == 1
  assert section.folds == []


def test_shares_belong_to_their_kind_and_treatment_of_seen_items():
  fallback = [
    {"system": "z", "requests": "semantic", "seen": "kept", "share": 0.25},
    {"system": "z", "requests": "semantic", "seen": "out", "share": 0.75},
  ]
  first, *others = result_sections.paired(
    ROWS, verdicts.shown(fallback), []
  ).tables
  assert first.rows[2].cells[-1].text == "25.0%"
  assert all(len(table.head) == 4 for table in others)


def test_without_a_model_nothing_is_compared():
  rows = [_row("m", "semantic") | {"role": "baseline"}]
  section = result_sections.paired(rows, [], [])
  assert not section.notes
  assert not section.figures
  assert section.tables[0].head == ["semantic, 7 requests", "recall@10"]


def test_other_levels_and_unseen_items_have_tables_of_their_own():
  rows = [
    *ROWS,
    _row("m", "semantic", level="id"),
    _row("z", "semantic", seen="out"),
  ]
  found = result_sections.details(rows, verdicts.shown(rows), [])
  names = [section.title for section in found]
  assert names == [
    "Recall@10, id level, seen items kept",
    "Recall@10, item level, seen items out",
    "Every cutoff, semantic requests",
    "Every cutoff, personalised requests",
    "Every cutoff, next basket requests",
  ]
