"""The words and columns of tables."""

import pytest

from experiments.studies import tables
from experiments.studies.record import View
from tests.experiments.studies.record_test import record

ROW = {
  "world": "shop", "metric": "hits", "arm": "b", "baseline": "a",
  "value": 0.12, "difference": 0.02, "low": 0.01, "high": 0.03, "agreeing": 3,
  "compared": 3,
}  # fmt: skip


@pytest.mark.parametrize(
  ("q", "middle"), [(0.049, "**+2.0**"), (0.05, "+2.0"), (None, "+2.0")]
)
def test_a_difference_is_bold_where_it_stands_out_among_all_of_the_study(
  q, middle
):
  expected = f"12.0 {middle} [+1.0, +3.0] 3/3"
  assert tables.cell(ROW | {"q": q}) == expected


def test_the_page_says_what_was_drawn_and_how_many_comparisons_it_makes():
  worlds = {"shop": {"seeds": [0, 1, 2]}}
  rows = [
    ROW | {"metric": name, "p": p, "q": q}
    for name, p, q in (("x", 0.01, 0.02), ("y", 0.3, 0.3), ("z", None, None))
  ]
  text = " ".join(tables.how_to_read(record(rows=rows, worlds=worlds)).split())
  for part in (
    "draw users and seeds", "of which there are 3", "makes 2 comparisons",
    "the 1 that stand out at a false discovery rate of 5%",
  ):  # fmt: skip
    assert part in text
  old = tables.how_to_read(record(rows=[ROW], worlds=worlds))
  assert "hold the seeds fixed" in old
  assert "nothing is bold" in old


def test_all_trials_stand_on_the_page_and_the_chosen_one_is_bold():
  trials = [
    {"settings": {"align.kl_coef": x}, "figures": {"hits@10": y, "hits@1": 0.1}}
    for x, y in ((0.04, 0.3), (1.0, 0.4567))
  ]
  world = {"seeds": [3, 4], "choices": {"b": {"chosen": 1, "trials": trials}}}
  text = tables.choices_table(View(record(worlds={"shop": world}), "shop"))
  assert "validation period with seed 3" in text
  assert "best of 2 trials" in text
  lines = [line.strip("| ").split("|") for line in text.splitlines()[-2:]]
  assert [[cell.strip() for cell in line] for line in lines] == [
    ["B", "kl_coef 0.04", "30.00", "10.00"],
    ["B", "**kl_coef 1**", "45.67", "10.00"],
  ]
  assert tables.choices_table(View(record(), "shop")) == ""


def test_nats_are_no_percent():
  trials = [
    {"settings": {"rate": x}, "figures": {"semantic/log_prob": -15 * x}}
    for x in (1.0, 2.0)
  ]
  world = {"seeds": [0], "choices": {"b": {"chosen": 0, "trials": trials}}}
  text = tables.choices_table(View(record(worlds={"shop": world}), "shop"))
  assert "by semantic/log_prob (bold).\n\n" in text
  assert "| -15.00 " in text
  names = ("recall@10", "semantic/loss", "items")
  assert [tables.is_share(name) for name in names] == [True, False, False]


def test_a_baselines_own_figure_has_its_own_interval_where_it_is_known():
  own = ROW | {"arm": "a"}
  assert tables.cell(own) == "12.0"
  own |= {"value_low": 0.1, "value_high": 0.14}
  assert tables.cell(own) == "12.0 [10.0, 14.0]"
  assert tables.cell(None) == "-"


def test_items_are_counted_and_digits_are_those_of_the_difference():
  items = {"value": 300.4, "difference": 100.2, "low": 99.0, "high": 105.0}
  items["q"] = 0.001
  found = tables.cell(ROW | items | {"metric": "semantic/items"})
  assert found == "300 **+100** [+99, +105] 3/3"
  assert tables.cell(ROW, digits=2) == "12.0 +2.00 [+1.00, +3.00] 3/3"


def test_lines_without_a_figure_are_left_out():
  table = tables.difference_table(
    View(record(rows=[ROW]), "shop"),
    ["arm", "hits", "more"],
    [(["B"], "b", "a", ""), (["C"], "c", "a", "")],
    ["hits", "absent"],
  )
  lines = table.splitlines()
  assert len(lines) == 3
  assert lines[2].endswith("3/3 | -    |")


def test_a_heading_says_sizes_requests_and_seeds():
  world = {
    "items": 1200, "requests": {"semantic": 40}, "users": 7, "seeds": [0, 1],
  }  # fmt: skip
  found = tables.world_heading(
    View(record(worlds={"toy_shop": world}), "toy_shop"), levels=(4.0, 5.0)
  )
  assert found == (
    "## toy shop\n\n1,200 items, codes per level: 4, 5; 40 semantic requests "
    "of 7 users; 2 seeds."
  )


def test_the_last_lines_say_how_to_make_it_again():
  origin = {
    "command": "a command", "commit": "abc", "machine": "a machine",
    "versions": {"jax": "1"}, "seeds": [0, 1], "minutes": 7.0,
  }  # fmt: skip
  text = tables.made_by(record(origin=origin))
  for part in ("a command", "commit abc", "seeds 0, 1", "jax 1", "7 minutes"):
    assert part in text


def test_facts_are_formatted_and_those_that_lack_are_dashes():
  world = {"ids": {"b": {"ids": 1234.0, "quantiles": [1.0, 2.5]}, "a": {}}}
  view = View(record(worlds={"shop": world}), "shop")
  columns = {"IDs": "{ids:,.0f}", "most": "{quantiles[1]:.1f}"}
  lines = tables.fact_table(view, "ids", columns, ["b", "c", "a"]).splitlines()
  assert [line.split() for line in lines[2:]] == [
    ["|", "B", "|", "1,234", "|", "2.5", "|"],
    ["|", "A", "|", "-", "|", "-", "|"],
  ]
