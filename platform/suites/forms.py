"""Uploading a suite version, and a challenge document, in the admin."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminFileFieldWidget

from challenges.models import Phase
from evaluators.protocol.challenge import ChallengeDocument, PhaseDocument
from evaluators.protocol.documents import MAX_DOCUMENT_BYTES
from evaluators.protocol.problems import ProblemsFound
from suites.models import PhaseSuite
from suites.selectors import missing_split

SPLITS = [("dev", "dev"), ("public", "public"), ("private", "private")]


class SuiteUploadForm(forms.Form):
    """A suite's folder as an archive."""

    archive = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        label="Suite folder",
        help_text="zip or tar.gz with suite.yaml, items.jsonl and gold.jsonl. It is checked before anything is kept.",
    )


class DocumentForm(forms.Form):
    """A challenge.yaml."""

    document = forms.FileField(widget=UnfoldAdminFileFieldWidget, label="challenge.yaml")

    def clean_document(self) -> ChallengeDocument:
        """Read it; every fault is told with its line and field."""
        upload = self.cleaned_data["document"]
        try:
            text = upload.read(MAX_DOCUMENT_BYTES + 1).decode()
            return ChallengeDocument.from_yaml(text, file=upload.name)
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The file is not UTF-8 text.") from error
        except ProblemsFound as error:
            raise forms.ValidationError([str(problem) for problem in error.problems]) from error


class PhaseForm(forms.ModelForm):  # type: ignore[type-arg]
    """A phase's window and quotas, checked as a part of a challenge document."""

    class Meta:
        model = Phase
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets say which
        help_texts = {
            "opens": "In UTC. The challenge's page shows it in the challenge's own time zone.",
            "closes": "In UTC, too: 23:59 AoE is 11:59 UTC of the next day.",
            "quota_day": "Hand-ins a team may make in a day (UTC); empty: as many as it likes.",
            "quota_total": "Hand-ins a team may make in all; empty: as many as it likes.",
            "quota_concurrent": "Hand-ins of a team that may be under way at once; empty: any number.",
        }

    def clean(self) -> dict[str, Any]:
        """Refuse what challenge.yaml would refuse, on the field in question."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned["closes"] <= cleaned["opens"]:
            self.add_error("closes", "The phase must close after it opens.")
            return cleaned
        if cleaned["reveal_at"] and cleaned["reveal_at"] < cleaned["closes"]:
            self.add_error("reveal_at", "The phase can't be revealed before it closes.")
            return cleaned
        quota = {name: cleaned[f"quota_{name}"] for name in ("day", "total", "concurrent")}
        value = {name: cleaned[name] for name in ("key", "title", "opens", "closes", "visibility")}
        try:
            PhaseDocument.from_value({**value, "quota": quota}, file="")
        except ProblemsFound as error:
            for problem in error.problems:
                self.add_error(problem.field.replace("quota.", "quota_"), problem.message)
        return cleaned


class PhaseSuiteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A suite version in a phase; which versions are offered the admin says."""

    splits = forms.MultipleChoiceField(choices=SPLITS, widget=UnfoldAdminCheckboxSelectMultipleWidget)

    class Meta:
        model = PhaseSuite
        fields = ["suite_version", "splits", "sample", "position"]

    def clean(self) -> dict[str, Any]:
        """The chosen splits must hold items, and a sample at least one."""
        cleaned = super().clean() or {}
        version, splits = cleaned.get("suite_version"), cleaned.get("splits")
        if version and splits and (sentence := missing_split(version, splits)):
            self.add_error("splits", sentence)
        if cleaned.get("sample") == 0:
            self.add_error("sample", "A sample has at least one item; leave it empty to ask all.")
        return cleaned
