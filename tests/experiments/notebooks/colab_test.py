"""The notebook runs from its first cell to its last.

All of that is slow. Once it goes on from runs that other tests share: stages
that are done are loaded, as they would be after a disconnection, and nothing is
trained; once it trains both of its runs.
"""

import ast
import csv
import pathlib
import re
import shutil

import nbclient
import nbformat
import pytest

from tests.reference import journey_run, shop_run, small_run

ROOT = pathlib.Path(__file__).parents[3]
NOTEBOOK = ROOT / "experiments/notebooks/colab.ipynb"
RUNS = ("cq_sid-tiny", "my_run")


def smaller(flags) -> str:
  """A cell that changes `config` as the flags of a command would."""
  values = dict(
    flag.removeprefix("--config.").split("=", 1)
    for flag in (*small_run.SMALL, *flags)
  )
  found = {name: ast.literal_eval(value) for name, value in values.items()}
  return f"config.update_from_flattened_dict({found!r})"


def execute(notebook, folder: pathlib.Path):
  """With the preset `tiny`, in a folder of its own, where all is installed."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("GR_JAX_PRESET", "tiny")
    patch.setenv("JAX_NUM_CPU_DEVICES", "1")
    patch.setenv("PYTHONPATH", str(ROOT))
    nbclient.NotebookClient(
      notebook, timeout=900, resources={"metadata": {"path": str(folder)}}
    ).execute()
  return notebook, folder


def read():
  return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def continued(tmp_path_factory, shared):
  """Executed where both runs lie finished, of the settings of other tests."""
  folder = tmp_path_factory.mktemp("colab")
  shop_run.make(shared / "shop_run")
  finished = (
    journey_run.make(shared / "journey_run"),
    shared / "shop_run" / "run",
  )
  for name, run in zip(RUNS, finished):
    shutil.copytree(run, folder / "runs" / name)
  notebook = read()
  imported = shared / "shop_run" / "data"
  changes = iter(
    [
      smaller(journey_run.FEW),
      smaller(shop_run.FEW) + f"\nconfig.data.path = {str(imported)!r}",
    ]
  )
  cells = []
  for cell in notebook.cells:
    cells.append(cell)
    if "config = gr_jax.get_config(" in cell.source:
      cells.append(nbformat.v4.new_code_cell(next(changes)))
  assert next(changes, None) is None
  notebook.cells = cells
  return execute(notebook, folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  """As it is."""
  return execute(read(), tmp_path_factory.mktemp("colab"))


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


def check_shown(executed):
  """Both reports and a plot, and the device with its versions."""
  notebook, folder = executed
  pages = outputs(notebook, "text/html")
  assert sum("<iframe srcdoc=" in page for page in pages) == 2
  assert outputs(notebook, "image/png")
  for run in RUNS:
    assert (folder / "runs" / run / "report.json").exists()
  text = printed(notebook)
  assert "(cpu)" in text
  for name in ("gr_jax", "jax", "jaxlib", "libtpu"):
    assert re.search(rf"^{name} +\S", text, re.MULTILINE)


def check_answers(executed):
  """Five answers of the built-in shop, and five of the own data."""
  text = printed(executed[0])
  assert len(re.findall(r"^ *-\d+\.\d\d  \w", text, re.MULTILINE)) == 10
  assert len(re.findall(r"\w+ (cup|plate) \d+$", text, re.MULTILINE)) == 5


@pytest.mark.slow
def test_it_shows_reports_a_plot_and_the_device(continued):
  check_shown(continued)


@pytest.mark.slow
def test_it_answers_searches(continued):
  check_answers(continued)


@pytest.mark.slow
def test_it_imports_tables_of_its_own(continued):
  """Those of `shop_run`, whose training stands in for that of the notebook."""
  folder = continued[1] / "runs" / "my_data"
  for name, lines in (("items", shop_run.ITEMS), ("events", shop_run.EVENTS)):
    with (folder / f"{name}.csv").open(newline="") as file:
      assert list(csv.reader(file)) == list(csv.reader(lines))
  assert (folder / "imported" / "rejects.csv").exists()
  assert "60" in printed(continued[0])


@pytest.mark.slow
def test_it_trains_both_runs_and_shows_them(trained):
  check_shown(trained)


@pytest.mark.slow
def test_it_answers_searches_of_what_it_trained(trained):
  check_answers(trained)


def test_it_refuses_to_compute_on_the_cpu_of_a_machine_with_an_accelerator():
  cell = next(
    cell.source for cell in read().cells if "accelerator.check()" in cell.source
  )
  # Before anything is trained, and not inside a `try`.
  tree = ast.parse(cell)
  assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
  assert any("accelerator.check()" in ast.unparse(node) for node in assigned)
  sources = [cell.source for cell in read().cells]
  assert sources.index(cell) < min(
    n for n, source in enumerate(sources) if "gr_jax.run(" in source
  )


def test_it_is_stored_without_outputs():
  code = [cell for cell in read().cells if cell.cell_type == "code"]
  assert all(not cell.outputs and not cell.execution_count for cell in code)
