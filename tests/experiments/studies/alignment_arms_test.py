import pytest

from configs import eg_grpo_claim as config_file
from experiments.pipeline.align import objective
from experiments.studies.alignment_arms import ARMS, align_section, check_arms
from gr_jax.rl.losses.grpo import zero_loss

SHARED = config_file.get_config().align


def test_arms_differ_in_experts_and_divergence_alone():
  sections = {
    name: align_section(SHARED, name, seed=3).to_dict()
    for name in ARMS
    if name.startswith("k")
  }
  experts = {
    name: (one["prompts"].pop("clicked"), one["prompts"].pop("exposed"))
    for name, one in sections.items()
  }
  assert experts["k0"] == experts["k0_free"] == (0, 0)
  assert (experts["k1"], experts["k2"]) == ((1, 0), (2, 0))
  assert (experts["k2_mixed"], experts["k4"]) == ((1, 1), (1, 3))
  weights = {name: one.pop("kl_coef") for name, one in sections.items()}
  assert {name for name, weight in weights.items() if not weight} == {
    "k0_free", "k1_free", "k2_free",
  }  # fmt: skip
  names = [one.pop("name") for one in sections.values()]
  assert len(set(names)) == len(names)
  for one in sections.values():
    assert one == sections["k0"]


def test_a_rate_of_its_own_comes_before_that_of_all_others():
  shared = SHARED.copy_and_resolve_references()
  shared.rates = {"others": 0.5, "k1": 0.25}
  for name, rate in (("k1", 0.25), ("k2", 0.5)):
    section = align_section(shared, name, seed=0)
    assert section.optimizer.learning_rate == rate
    assert "rates" not in section


def test_the_control_has_positives_and_nothing_else_to_learn():
  section = align_section(SHARED, "sft_longer", seed=0)
  found = objective(section)
  assert (found.kl_coef, found.nll_coef) == (0.0, 1.0)
  assert section.prompts.positives > 0
  assert found.policy_loss is zero_loss


@pytest.mark.parametrize(
  ("arms", "message"),
  [
    (("sft", "k0", "k9"), "'k9'; there are: sft"),
    (("sft", "k0"), "at least one other"),
    (("k0", "k1", "k2"), "give 'sft', 'k0'"),
    (("sft", "k0", "k1", "k1"), "each once"),
  ],
)
def test_arms_that_compare_nothing_are_told(arms, message):
  with pytest.raises(ValueError, match=message):
    check_arms(arms)
