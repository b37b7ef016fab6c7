"""The form that opens a batch."""

from typing import Any

from django import forms

from accounts.models import User
from challenges.models import Challenge, Phase
from evaluations.batch_models import Batch
from evaluations.batches import opening
from evaluations.batches.opening import Ask
from evaluators.protocol.problems import ProblemsFound
from suites.models import PhaseSuite, SuiteVersion
from suites.selectors import versions_for

KINDS = {
    Batch.Kind.RESCORE: "Re-score stored answers by the evaluator that is installed",
    Batch.Kind.ADD_SUITE: "Add a suite that arrives late",
    Batch.Kind.NEW_VERSION: "Ask a new version of a suite in place of the old one",
}


class OpenBatchForm(forms.Form):
    """What is to change, where and why; opening it scores and asks nothing yet."""

    kind = forms.ChoiceField(label="What changes", choices=list(KINDS.items()), widget=forms.RadioSelect)
    reason = forms.CharField(label="Why", max_length=500, help_text="Kept with the batch, and shown wherever it is.")
    phases = forms.ModelMultipleChoiceField(
        label="Phases", queryset=Phase.objects.none(), required=False, widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all that it concerns. An added suite needs at least one.",
    )  # fmt: skip
    suite = forms.ModelChoiceField(
        label="Suite version", queryset=SuiteVersion.objects.none(), required=False,
        help_text="The suite to add, or the new version. It must be frozen.",
    )  # fmt: skip
    splits = forms.CharField(
        label="Splits", required=False, max_length=60,
        help_text="Of an added suite, such as dev, private; all that hold items where it is empty.",
    )  # fmt: skip
    sample = forms.IntegerField(label="Sample", required=False, min_value=1, help_text="Ask only so many items.")
    weight = forms.FloatField(
        label="Weight", required=False, min_value=0, help_text="Of an added suite, in the tracks' aggregates."
    )
    checkpoints = forms.ChoiceField(
        label="Models asked", choices=PhaseSuite.Checkpoints.choices, required=False, help_text="Of an added suite."
    )

    def __init__(self, *args: Any, challenge: Challenge, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._challenge, self._user = challenge, user
        phases = Phase.objects.filter(track__challenge=challenge).select_related("track__challenge")
        self._field("phases").queryset = phases.order_by("track__position", "position", "pk")
        frozen = versions_for(user).filter(state=SuiteVersion.State.FROZEN).select_related("suite")
        self._field("suite").queryset = frozen.order_by("suite__key", "-created_at")

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def open(self) -> Batch | None:
        """Open the batch; where that is refused, the form says why, and there is none."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        if data["kind"] != Batch.Kind.RESCORE and data["suite"] is None:
            self.add_error("suite", "Choose the suite.")
            return None
        try:
            return self._opened(data)
        except ProblemsFound as error:
            for problem in error.problems:
                self.add_error(None, f"{problem.message[:1].upper()}{problem.message[1:]}. {problem.remedy}".strip())
            return None

    def _opened(self, data: dict[str, Any]) -> Batch:
        phases, user, reason = list(data["phases"]), self._user, data["reason"]
        if data["kind"] == Batch.Kind.RESCORE:
            return opening.open_rescore(challenge=self._challenge, phases=phases, user=user, reason=reason)
        if data["kind"] == Batch.Kind.NEW_VERSION:
            return opening.new_version(
                challenge=self._challenge, phases=phases, version=data["suite"], user=user, reason=reason
            )
        splits = tuple(part.strip() for part in data["splits"].split(",") if part.strip())
        ask = Ask(splits, data["sample"], data["checkpoints"] or PhaseSuite.Checkpoints.MAIN, data["weight"])
        return opening.add_suite(phases=phases, version=data["suite"], user=user, reason=reason, ask=ask)
