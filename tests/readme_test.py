"""The README's program runs as it stands; its links and recipes are there."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from gr_jax import recipes
from tests.reference.small_run import ENVIRONMENT, ROOT

PAGES = ("README.md", "docs/concepts.md", "docs/glossary.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text()
PROGRAM = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]


def _searched_and_stopped(process: subprocess.Popen) -> str:
  """What a program printed that serves, and answers one search meanwhile."""
  lines = []
  for line in process.stderr:
    lines.append(line)
    if "ready on " in line:
      break
  assert "ready on " in lines[-1], "".join(lines[-20:])
  request = urllib.request.Request(
    f"{lines[-1].split()[3]}/search",
    json.dumps({"query": "milk", "k": 5}).encode(),
    {"content-type": "application/json"},
  )
  with urllib.request.urlopen(request, timeout=30) as response:
    assert len(json.loads(response.read())["items"]) == 5
  process.send_signal(signal.SIGTERM)
  printed, _ = process.communicate(timeout=60)
  return printed


def test_the_program_has_eight_lines():
  assert len([line for line in PROGRAM.splitlines() if line]) == 8


def test_the_program_trains_searches_and_serves(tmp_path):
  # Searches for 4 and 16 requests at once are not compiled.
  free = PROGRAM.replace("port=8000", "port=0, max_batch=1")
  assert free.count("port=0") == 1
  free = free.replace("= 200", "= 20")
  with subprocess.Popen(
    [sys.executable, "-c", free],
    cwd=tmp_path,
    # Buffered, as where a pipe takes what a program prints.
    env=os.environ
    | ENVIRONMENT
    | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  ) as process:
    try:
      printed = _searched_and_stopped(process)
    finally:
      process.kill()
  # Ten items at the end, after the table of the run.
  report = printed.index("report: ")
  assert len(printed[report:].splitlines()) == 11
  assert (tmp_path / "runs" / "tiny" / "report.html").is_file()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
  path = ROOT / page
  links = re.findall(r"\]\(([^)#]+)\)", path.read_text())
  missing = [
    link
    for link in links
    if "://" not in link and not (path.parent / link).exists()
  ]
  assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_commands_name_recipes_that_are_there(page):
  text = (ROOT / page).read_text()
  for config in re.findall(r"--config=([\w/.]+(?::\w+)?)", text):
    if config != "mine":
      recipes.find(config)


def test_every_recipe_of_a_system_is_in_the_table():
  linked = set(re.findall(r"\(configs/(\w+)\.py\)", README))
  named = {
    name for name in recipes.names() if not name.endswith(("_claim", "_vae"))
  }
  assert named - linked <= {"own_data", "given_ids"}
