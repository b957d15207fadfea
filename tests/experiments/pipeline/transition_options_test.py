from ml_collections import ConfigDict

from configs import amazon_beauty, cq_sid
from experiments.pipeline.transition_options import transitions_of


def test_nothing_is_told_unless_neighbours_are_asked_for():
  config = amazon_beauty.get_config().generator
  assert transitions_of(config) == config.transitions.to_dict()
  config.transitions.neighbours = 0
  assert transitions_of(config) == {}
  assert transitions_of(ConfigDict()) == {}
  assert transitions_of(cq_sid.get_config().generator) == {}
