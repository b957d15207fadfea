"""The words and columns of the table."""

import pytest

from experiments.studies import claim_table


def test_columns_of_a_table_line_up():
  text = claim_table.markdown(["a", "bbb"], [["cccc", "d"]])
  lines = text.splitlines()
  assert lines[1] == "|------|-----|"
  assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(
  ("low", "high", "cell"),
  [
    (0.01, 0.03, "12.0 **+2.0** [+1.0, +3.0] 3/3"),
    (-0.01, 0.05, "12.0 +2.0 [-1.0, +5.0] 3/3"),
  ],
)
def test_a_difference_is_bold_where_its_interval_leaves_out_zero(
  low, high, cell
):
  row = {
    "arm": "cq_sid",
    "value": 0.12,
    "difference": 0.02,
    "low": low,
    "high": high,
    "agreeing": 3,
    "seeds": 3,
  }
  assert claim_table._cell(row, "rq_vae") == cell
  assert claim_table._cell(row | {"arm": "rq_vae"}, "rq_vae") == "12.0"
