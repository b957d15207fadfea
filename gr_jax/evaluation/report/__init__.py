"""The report of a run: tables, plots, one HTML file."""
