"""The logistic function is scipy's, without scipy."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from evaluators.metrics.logistic import expit, logit

ROOT = Path(__file__).parents[3]


def test_it_equals_scipys_to_its_relative_precision_on_both_sides() -> None:
    x = np.array([-700.0, -50.0, -1.0, -1e-9, 0.0, 1e-9, 1.0, 50.0, 700.0])
    assert expit(x) == pytest.approx(special.expit(x), rel=1e-13, abs=0)
    p = np.array([1e-300, 1e-9, 0.25, 0.5, 0.75, 1 - 1e-9])
    assert logit(p) == pytest.approx(special.logit(p), rel=1e-13, abs=1e-15)
    assert (logit(0.0), logit(1.0)) == (-math.inf, math.inf)
    assert float(expit(-1e308)) == 0


def test_scoring_starts_without_scipys_statistics() -> None:
    code = "import sys, evaluators.scoring, evaluators.predictions; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
