"""The Complete Journey: a year of grocery purchases."""

from gr_jax.data.sources.complete_journey.tables import (
  CompleteJourneyConfig,
  load,
)

__all__ = ["CompleteJourneyConfig", "load"]
