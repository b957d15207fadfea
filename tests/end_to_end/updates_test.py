"""Online updates as processes: killed anywhere, and poisoned."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import jax
import numpy as np
import pytest

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import ORDERED, TRAIN, Requests
from gr_jax.generators.values import load_values
from gr_jax.retrieval import versions
from gr_jax.retrieval.load import load_artefacts
from gr_jax.retrieval.load_params import read_params
from tests.reference import shop_run, shop_updates
from tests.reference.small_run import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

NEW = range(20, 24)
POINTS: dict[str, Callable[[pathlib.Path], bool]] = {
  "its folder": lambda version: (version / "begun.json").exists(),
  "its data": lambda version: (version / "data" / "manifest.json").exists(),
  "measuring": lambda version: (version / "before.npz").exists(),
  "training": lambda version: any(
    path.name.isdigit()
    for path in (version / "generator" / "checkpoints").glob("*")
  ),
  "comparing": lambda version: (
    version / "generator" / "manifest.json"
  ).exists(),
  "its record": lambda version: (version / "version.json").exists(),
}
"""What a version has left when it is killed."""


@pytest.fixture(scope="module")
def shop(shared) -> pathlib.Path:
  shop_run.make(shared / "shop_run")
  return shared / "shop_run" / "run"


def copy_of(run: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
  return shutil.copytree(run, folder / "run", copy_function=os.link)


def written(folder: pathlib.Path, name: str, days, **options) -> str:
  path = folder / name
  path.write_text(shop_updates.events(days, **options))
  return f"--events={path}"


def record(run: pathlib.Path, name: str) -> dict:
  return json.loads((run / "versions" / name / "version.json").read_text())


def test_killed_anywhere_the_old_version_serves_and_the_update_goes_on(
  shop, tmp_path
):
  events = written(tmp_path, "day.csv", NEW)
  (tmp_path / "undisturbed").mkdir()
  undisturbed = copy_of(shop, tmp_path / "undisturbed")
  shop_updates.update(undisturbed, events)
  run = copy_of(shop, tmp_path)
  version = versions.folder(run, "0001")
  for point, reached in POINTS.items():
    process = shop_updates.start(run, events)
    while process.poll() is None and not reached(version):
      time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, (point, output)
    assert versions.names(run) == ["0000", "0001"]
    if point != "its record":
      assert versions.current_name(run) == versions.FIRST, point
    assert load_artefacts(run).catalogue.item_ids[0] == "B0"
  shop_updates.update(run, events)
  assert versions.current_name(run) == "0001"
  same = ("parent", "events", "reasons", "figures", "settings")
  found, wanted = record(run, "0001"), record(undisturbed, "0001")
  assert {name: found[name] for name in same} == {
    name: wanted[name] for name in same
  }
  params = [load_artefacts(each).params for each in (run, undisturbed)]
  jax.tree.map(np.testing.assert_array_equal, *params)


def test_permuted_labels_are_refused_and_the_next_good_day_is_served(
  shop, tmp_path
):
  run = copy_of(shop, tmp_path)
  # The run of a few steps knows nothing yet that labels could contradict.
  first = written(tmp_path, "first.csv", range(20, 30))
  shop_updates.update(run, first, "--passes=20", "--learning_rate=1")
  bad = written(tmp_path, "bad.csv", range(30, 38), permuted=True)
  for _ in range(2):
    output = shop_updates.update(run, bad)
    (line,) = [x for x in output.splitlines() if "not served" in x]
    assert "what was chosen hardly follows from the requests" in line
    assert versions.current_name(run) == "0001"
    assert load_artefacts(run).version == "0001"
  assert record(run, "0002")["reasons"]
  good = written(tmp_path, "good.csv", range(30, 38))
  shop_updates.update(run, good)
  assert versions.current_name(run) == "0003"
  assert record(run, "0003")["parent"] == "0001"
  assert load_artefacts(versions.folder(run, "0002")).version == "0002"


def aligned_events(run: pathlib.Path) -> str:
  """Some training requests once more, as if they came after all others."""
  log = Requests.load(run / "data" / "requests")
  items = Catalogue.load(run / "data" / "catalogue").item_ids
  rows = np.flatnonzero((log.split == TRAIN) & (log.query >= 0))
  # Of all times: the last ones alone would be another season.
  rows = np.random.default_rng(0).choice(rows, 200)
  last, kinds = int(log.event_time.max()), ("exposure", "click", "purchase")
  lines = ["user_id,item_id,time,event,query,value"]
  for place, row in enumerate(rows.tolist(), 1):
    page = slice(*log.page_offsets[row : row + 2])
    user, query = log.user_ids[log.user[row]], log.queries[log.query[row]]
    lines += [
      f"{user},{items[item]},{last + 60 * place},{kinds[kind]},{query},"
      f"{value if kind == ORDERED else ''}"
      for item, kind, value in zip(
        log.page_item[page], log.page_kind[page], log.page_value[page]
      )
    ]
  return "\n".join(lines) + "\n"


def test_an_aligned_run_goes_on_from_its_aligned_parameters(tmp_path):
  run = tmp_path / "run"
  command = [
    *(sys.executable, "-m", "gr_jax.main", f"--workdir={run}"),
    "--config=configs/gr4ad.py:tiny",
    # Whatever the few steps are worth, what they leave is another generator,
    # further from the first than an update goes.
    "--config.align.validation.keep_better=False",
    "--config.align.optimizer.learning_rate=0.003",
  ]
  subprocess.run(
    command, cwd=ROOT, env=os.environ | ENVIRONMENT, check=True,
  )  # fmt: skip
  events = tmp_path / "day.csv"
  events.write_text(aligned_events(run))
  output = shop_updates.update(run, f"--events={events}", "--steps=3")
  assert "0001: the aligned parameters are trained on" in output
  assert "0001: value@10 on old requests: " in output
  version = load_artefacts(run)
  assert version.version == "0001"
  assert not (version.directory / "alignment").exists()
  trained, aligned = (
    read_params(run / stage) for stage in ("generator", "alignment")
  )
  params = {"params": version.params["params"]}
  assert distance(params, aligned) < 0.5 * distance(params, trained)
  # Buckets, means and the share of values are those that were served.
  of_alignment = load_values(run / "alignment")["values"]
  jax.tree.map(
    np.testing.assert_array_equal, version.params["values"], of_alignment
  )
  shop_updates.update(run, "--rollback")
  assert load_artefacts(run).version == versions.FIRST


def distance(one, other) -> float:
  gaps = jax.tree.map(lambda x, y: np.square(x - y).sum(), one, other)
  return float(sum(jax.tree.leaves(gaps))) ** 0.5


def test_a_run_with_candidates_learns_on_and_knows_the_new_items(
  shared, tmp_path
):
  shop_run.make(
    shared / "shop_candidates",
    "--config.generator.candidates.size=8",
    "--config.generator.candidates.sequence_steps=5",
  )
  run = copy_of(shared / "shop_candidates" / "run", tmp_path)
  items = tmp_path / "items.csv"
  items.write_text("\n".join(shop_updates.NEW_ITEMS) + "\n")
  for day in (20, 24):
    events = written(tmp_path, f"{day}.csv", range(day, day + 4), items=["N1"])
    shop_updates.update(run, events, f"--items={items}")
  found = load_artefacts(run)
  assert found.version == "0002"
  assert len(found.candidates.items) == len(found.catalogue) == 62
  old = load_artefacts(versions.folder(run, "0001"))
  np.testing.assert_array_equal(
    old.semantic_ids.codes, found.semantic_ids.codes
  )
