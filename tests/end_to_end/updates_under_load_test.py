"""Twenty versions in a row under load: nobody notices but by the answers."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest

from gr_jax.retrieval import versions
from tests.reference import shop_run, shop_updates
from tests.reference.small_run import ENVIRONMENT, ROOT
from tests.reference.steady_load import SteadyLoad, milliseconds
from tests.serving.conftest import open_service, search_of
from tests.serving.main_test import serving

pytestmark = pytest.mark.slow

VERSIONS = int(os.environ.get("GR_JAX_TEST_VERSIONS", "21"))
BODIES = [
  {"query": "red cup", "k": 8},
  {"query": "plate", "history": ["B3", "B5"], "k": 8},
  {"query": "blue", "profile": {"user_id": "u1"}, "k": 8},
]
# Their search is as that of the server; see `tests.serving.main_test`.
SIZES = {"beams": (8,), "max_batch": 4, "room": 500}
# Of four requests none can show that a version is worse: all are served.
FEW = ("--every=0.1", "--steps=3", "--requests=4", "--learning_rate=1")


@pytest.fixture(scope="module")
def shop(shared):
  shop_run.make(shared / "shop_run")
  return shared / "shop_run" / "run"


def reload(url: str) -> None:
  request = urllib.request.Request(
    f"{url}/admin/reload", b"", {"authorization": "Bearer s3cret"}
  )
  with urllib.request.urlopen(request, timeout=300) as response:
    assert response.status == 200


@contextlib.contextmanager
def watching(run, incoming, log):
  """A process that learns every day that is put into a folder."""
  with (incoming.parent / "watch.log").open("w") as said:
    process = subprocess.Popen(
      [
        *(sys.executable, "-m", "gr_jax.update", f"--artefacts={run}"),
        *(f"--watch={incoming}", f"--log={log}", *FEW),
      ],
      cwd=ROOT,
      env=os.environ | ENVIRONMENT,
      stderr=said,
    )
    try:
      yield
    finally:
      process.kill()
      process.wait()


def served(run, name: str, incoming, day: int) -> None:
  """Puts a day into the folder and waits until its version is current."""
  path = incoming / f".{day:03d}.csv"
  path.write_text(shop_updates.events([day]))
  path.rename(incoming / path.name.lstrip("."))
  limit = time.monotonic() + 300
  while versions.current_name(run) != name:
    assert time.monotonic() < limit, (incoming.parent / "watch.log").read_text()
    time.sleep(0.02)


def test_versions_follow_each_other_under_load(shop, tmp_path):
  run = shutil.copytree(shop, tmp_path / "run", copy_function=os.link)
  incoming, log = tmp_path / "incoming", tmp_path / "items.log"
  incoming.mkdir()
  flags = "--max-batch=4", "--token=s3cret"
  switches, names = [], [f"{n:04d}" for n in range(1, VERSIONS + 1)]
  with serving(run, log, *flags) as (_, url):
    reload(url)  # What only the first one loads.
    with watching(run, incoming, log):
      # What it can do while a version is made beside it.
      with SteadyLoad(url, BODIES, rate=None, workers=8) as fastest:
        begin = time.monotonic()
        served(run, names[0], incoming, shop_updates.FIRST_DAY)
        seconds = time.monotonic() - begin
      rate = round(len(fastest.answers) / seconds / 2, 1)
      reload(url)
      with SteadyLoad(url, BODIES, rate=rate) as load:
        for place, name in enumerate(names[1:], 1):
          served(run, name, incoming, shop_updates.FIRST_DAY + place)
          begin = time.monotonic()
          reload(url)
          switches.append((begin, time.monotonic()))
          time.sleep(1)
    shop_updates.update(run, "--rollback", f"--server={url}", "--token=s3cret")
    with SteadyLoad(url, BODIES, rate=10) as after:
      time.sleep(1)
  answers = load.answers
  found = tails(answers, switches)
  print(json.dumps({"versions": len(names), "rate": rate, **found}))
  assert {each.status for each in answers} == {200}
  assert {each.content["model"] for each in answers} == set(names)
  check_versions(run, log, answers)
  assert {each.content["model"] for each in after.answers} == {names[-2]}
  assert found["p99"][1] < 2 * found["p99"][0], found


def test_a_switch_hardly_shows_in_the_tail(shop, tmp_path):
  """As above, where nothing is trained beside the server."""
  run = shutil.copytree(shop, tmp_path / "run", copy_function=os.link)
  copy = versions.folder(run, "0001")
  shutil.copytree(shop, copy, copy_function=os.link)
  switches, names = [], ["0001", versions.FIRST] * (VERSIONS // 2)
  log = tmp_path / "items.log"
  with serving(run, log, "--max-batch=4", "--token=s3cret") as (_, url):
    reload(url)
    rate = half_of_capacity(url)
    with SteadyLoad(url, BODIES, rate=rate) as load:
      for name in names:
        time.sleep(1)
        versions.point_to(run, name)
        begin = time.monotonic()
        reload(url)
        switches.append((begin, time.monotonic()))
  found = tails(load.answers, switches)
  print(json.dumps({"switches": len(names), "rate": rate, **found}))
  assert {each.status for each in load.answers} == {200}
  assert {each.content["model"] for each in load.answers} == set(names)
  assert found["p99"][1] < 2 * found["p99"][0], found


def half_of_capacity(url: str) -> float:
  """Half of the requests a second that eight clients get answered."""
  with SteadyLoad(url, BODIES, rate=None, workers=8) as fastest:
    time.sleep(4)
  return round(len(fastest.answers) / 4 / 2, 1)


def tails(answers, switches) -> dict:
  """Milliseconds beside switches and during them."""
  during = [each for each in answers if each.overlaps(switches)]
  others = [each for each in answers if not each.overlaps(switches)]
  return {
    "requests": [len(others), len(during)],
    "switch_seconds": round(float(np.median([b - a for a, b in switches])), 2),
    **{
      f"p{q}": [round(milliseconds(part, q), 1) for part in (others, during)]
      for q in (50, 95, 99)
    },
  }


def check_versions(run, log, answers) -> None:
  """Every answer is, as a whole, that of the version that it names."""
  service = open_service(run, log.parent, **SIZES)
  beam = SIZES["beams"][0]
  requests = [
    dataclasses.replace(search_of(**body), beam=beam) for body in BODIES
  ]
  expected = {}
  for name in versions.names(run):
    versions.point_to(run, name)
    service.reload()
    expected[name] = [
      scores(service.answer([request])[0].items) for request in requests
    ]
  service.close()
  one, two = (np.array(list(expected.values())[k]) for k in (0, 1))
  assert abs(one - two).max() > 0.05
  for each in answers:
    found = scores(each.content["items"])
    wanted = expected[each.content["model"]][each.body]
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def scores(items: list[dict]) -> list[float]:
  return [item["score"] for item in items]
