"""Published tables of results: read from JSON, YAML or CSV, and made from what past challenges have published."""

from evaluators.results.babylm_2023 import babylm_2023
from evaluators.results.efficiency_2023 import efficiency_2023
from evaluators.results.reading import Head, digest_of, read_results

__all__ = ["Head", "babylm_2023", "digest_of", "efficiency_2023", "read_results"]
