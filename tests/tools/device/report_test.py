"""Figures for people."""

from tools.device import report


def test_figures_are_shown_in_few_digits():
  assert [report.shown(x) for x in (0.12345, 12345.6, 7, True, "cpu")] == [
    "0.1235",
    "12,346",
    "7",
    "True",
    "cpu",
  ]
