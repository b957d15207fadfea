"""The page of all claims says what the files say, and they the tables."""

import json
import pathlib
import re
import shutil

import pytest

from experiments.studies.claims import load_claims, to_json
from experiments.studies.record import load_record
from experiments.studies.run_record import SINGLE_RUN
from tools import claims

FOLDERS = sorted(
  path.parent.name for path in claims.RESULTS.glob("*/claims.json")
)
FORM = {
  "system", "claim", "source", "paper", "study", "world", "metric", "arm",
  "baseline", "value", "low", "high", "q", "n", "seeds", "bar", "verdict",
  "command", "commit", "machine",
}  # fmt: skip


def test_page_and_files_agree():
  text = (claims.RESULTS / "README.md").read_text()
  assert claims.page(claims.RESULTS) == text, "run python tools/claims.py"


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_are_what_the_stored_tables_give(folder):
  stored = (claims.RESULTS / folder / "claims.json").read_text()
  found = claims.decide(claims.RESULTS / folder)
  assert to_json(found) == stored, "run python tools/claims.py --rebuild"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_claim_has_its_form_and_what_is_open_has_no_figure(folder):
  for claim in load_claims(claims.RESULTS / folder / "claims.json"):
    assert claim.keys() == FORM
    assert claim["verdict"] in claims.VERDICTS
    assert (claim["verdict"] == "open") == (claim["value"] is None)
    assert (claim["commit"] is None) == (claim["value"] is None)


def test_a_claim_with_a_figure_has_a_table_beside_it():
  for path in claims.RESULTS.glob("*/claims.json"):
    if any(claim["value"] is not None for claim in load_claims(path)):
      assert path.with_name("table.json").exists()


def test_a_rebuild_writes_what_is_there(tmp_path):
  copy = tmp_path / "results"
  shutil.copytree(claims.RESULTS, copy)
  for path in copy.glob("*/claims.json"):
    path.unlink()
  claims.rebuild(copy)
  found = {p.relative_to(copy): p.read_bytes() for p in copy.rglob("*.json")}
  stored = {
    path.relative_to(claims.RESULTS): path.read_bytes()
    for path in claims.RESULTS.rglob("*.json")
  }
  assert found == stored, "run python tools/claims.py --rebuild"


def test_every_study_with_a_table_has_claims_that_are_missed():
  """A page of victories alone would be a selection."""
  for path in claims.RESULTS.glob("*/table.json"):
    if load_record(path).study == SINGLE_RUN:
      continue
    found = load_claims(path.with_name("claims.json"))
    assert {"met", "missed"} <= {claim["verdict"] for claim in found}


def test_links_and_pictures_of_the_pages_exist():
  for page in claims.RESULTS.rglob("README.md"):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
      if "://" not in link:
        assert (page.parent / link).exists(), f"{page}: {link}"


def test_a_changed_verdict_is_seen(tmp_path):
  shutil.copytree(claims.RESULTS, tmp_path / "results")
  path = tmp_path / "results/cq_sid_claim/claims.json"
  found = json.loads(path.read_text())
  found[0]["verdict"] = "missed"
  path.write_text(to_json(found))
  text = (claims.RESULTS / "README.md").read_text()
  assert claims.page(tmp_path / "results") != text


def test_a_claim_that_is_met_by_chance_shows_its_q(tmp_path):
  shutil.copytree(claims.RESULTS, tmp_path / "results")
  path = tmp_path / "results/eg_grpo_claim/claims.json"
  found = json.loads(path.read_text())
  found[0] |= {"q": 0.125, "verdict": "met"}
  path.write_text(to_json(found))
  text = claims.page(tmp_path / "results")
  (line, *_) = [x for x in text.splitlines() if found[0]["claim"] in x]
  assert "| 0.12 " in line
  assert "| met " in line


def test_a_system_that_no_paper_names_is_refused(tmp_path):
  folder = tmp_path / "study"
  folder.mkdir()
  stored = load_claims(claims.RESULTS / "cq_sid/claims.json")
  stored[0]["system"] = "CQSID"
  (folder / "claims.json").write_text(to_json(stored))
  with pytest.raises(ValueError, match="CQSID; systems are CQ-SID"):
    claims.page(pathlib.Path(tmp_path))
