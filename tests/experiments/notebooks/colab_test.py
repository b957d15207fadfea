"""The notebook runs from its first cell to its last."""

import pathlib
import re

import nbclient
import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[3]
NOTEBOOK = ROOT / "experiments/notebooks/colab.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
  """With the preset `tiny`, in a folder of its own, where all is installed."""
  folder = tmp_path_factory.mktemp("colab")
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("GR_JAX_PRESET", "tiny")
    patch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(
      notebook, timeout=900, resources={"metadata": {"path": str(folder)}}
    ).execute()
  return notebook, folder


def outputs(notebook, kind):
  return [
    output["data"][kind]
    for cell in notebook.cells
    for output in cell.get("outputs", ())
    if kind in output.get("data", {})
  ]


def printed(notebook):
  return "".join(
    output["text"]
    for cell in notebook.cells
    for output in cell.get("outputs", ())
    if output.get("name") == "stdout"
  )


@pytest.mark.slow
def test_it_shows_both_reports_and_a_plot(executed):
  notebook, folder = executed
  pages = outputs(notebook, "text/html")
  assert sum("<iframe srcdoc=" in page for page in pages) == 2
  assert outputs(notebook, "image/png")
  assert (folder / "runs/cq_sid-tiny/report.json").exists()
  assert (folder / "runs/my_run/report.json").exists()


@pytest.mark.slow
def test_it_names_the_device_and_answers_searches(executed):
  text = printed(executed[0])
  assert "(cpu)" in text
  assert "libtpu" in text
  # Five answers of the shop and five of the own data.
  assert len(re.findall(r"^ *-\d+\.\d\d  \w", text, re.MULTILINE)) == 10


def test_it_is_stored_without_outputs():
  notebook = nbformat.read(NOTEBOOK, as_version=4)
  code = [cell for cell in notebook.cells if cell.cell_type == "code"]
  assert all(not cell.outputs and not cell.execution_count for cell in code)
