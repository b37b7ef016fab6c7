"""The hand-in form for models: every backend has a name there, and encoder-decoders a scoring."""

from collections.abc import Callable
from typing import Any

import pytest

from challenges.models import Phase
from sandbox.runner.job import BACKENDS, SCORINGS
from submissions.forms import BACKEND_LABELS, SCORING_LABELS, SubmitForm

FIELDS = {"source": "form", "name": "Curriculum", "kind": "model", "bos": "tokenizer", "path": "."}


def test_every_backend_and_scoring_has_a_name_on_the_form() -> None:
    assert tuple(BACKEND_LABELS) == BACKENDS
    assert tuple(SCORING_LABELS) == SCORINGS


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("backend", "scoring", "kept"),
    [
        ("encoder-decoder", "fill-in", "fill-in"),
        ("encoder-decoder", "", "prefix"),
        # What stands in a field that the page hides is not what the team declares.
        ("causal", "fill-in", "prefix"),
    ],
)
def test_the_scoring_on_the_form_is_the_manifests(
    make_phase: Callable[..., Phase], make_track: Callable[..., Any], backend: str, scoring: str, kept: str
) -> None:
    phase = make_phase(make_track(backends=list(BACKENDS)))
    values: dict[str, Any] = {**FIELDS, "phases": [phase.pk], "backend": backend, "scoring": scoring}
    form = SubmitForm(values, track=phase.track, phases=[phase])
    form.is_valid()
    part = form.cleaned_data["manifest"].model
    assert (part.backend, part.scoring) == (backend, kept)
