"""The page of a study of three arms whose figures are known."""

import numpy as np

from configs import eg_grpo_claim as config_file
from experiments.studies.alignment_figures import hit_rows
from experiments.studies.alignment_table import hit_table, page, run_table

RUN = {"equal_groups": 0.125, "reward_first": 0.2, "reward_last": 0.3}


def world():
  def hits(count):
    one = np.zeros((100, 3), bool)
    one[:count] = True
    return [one, one]

  found = {"sft": hits(20), "k0": hits(20), "k2": hits(45)}
  return {
    "arms": list(found),
    "items": 1000,
    "ids": 500,
    "requests": 100,
    "users": 100,
    "hits": list(hit_rows(found, np.arange(100))),
    "runs": [
      {"arm": "sft_longer", **RUN},
      {"arm": "k0", **RUN},
      {"arm": "k2", **RUN, "kl_last": 0.5},
    ],
  }


def line(table, label):
  (found,) = [row for row in table.splitlines() if label in row]
  return found


def test_a_difference_beyond_its_interval_is_bold_and_equality_is_not():
  table = hit_table(world(), against="sft")
  assert line(table, "K = 2: two clicks").count("**+25.00**") == 3
  assert "**" not in line(table, "K = 0 (GRPO)")
  assert "+0.00" in line(table, "K = 0 (GRPO)")
  assert line(table, "SFT").split("|")[2].strip() == "20.0"


def test_runs_tell_equal_groups_and_leave_the_control_out():
  table = run_table(world())
  assert "12.5 %" in line(table, "K = 0")
  assert "0.200 to 0.300" in line(table, "K = 2")
  assert "0.5000" in line(table, "K = 2")
  assert "further" not in table


def test_the_page_tells_seeds_steps_rates_and_origin():
  config = config_file.get_config().to_dict()
  config["align"]["rates"] = {"others": 3e-4, "sft_longer": 1e-4}
  origin = {
    "command": "a command",
    "commit": "abc",
    "machine": "a machine",
    "versions": {"jax": "1"},
    "seeds": [0, 1],
    "minutes": 7.0,
  }
  text = page(
    {
      "seeds": [0, 1],
      "worlds": {"shop_world": world()},
      "config": config,
      "origin": origin,
    }
  )
  for told in (
    "2 seeds", "## shop world", "0.0001", "all others 0.0003", "commit abc",
    f"{config['align']['loop']['steps']} steps", "500 IDs",
  ):  # fmt: skip
    assert told in " ".join(text.split())
