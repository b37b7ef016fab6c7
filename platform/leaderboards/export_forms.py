"""What a reviewer chooses of an export; it is sent in the address, so that a choice can be kept and passed on."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from challenges.models import Challenge
from leaderboards.exports.formats.registry import FORMATS
from leaderboards.exports.making import usual_words
from leaderboards.exports.query import LAYOUTS, LISTS, MOST_DECIMALS, ExportQuery, ExportRefused
from submissions.models import Entry

WHAT_LAYOUTS = {"wide": "Wide: a row an entry, a column a suite", "long": "Long: a row a score"}


class ExportForm(forms.Form):
    """An export of one challenge; nothing ticked in a list is everything in it."""

    layout = forms.ChoiceField(choices=[(one, WHAT_LAYOUTS[one]) for one in LAYOUTS], widget=forms.RadioSelect)
    format = forms.ChoiceField(choices=[(name, one.title) for name, one in FORMATS.items()])
    tracks = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    phases = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple,
        help_text="Wide: else each track's last closed one. Long: else all.",
    )  # fmt: skip
    statuses = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Status of the entries", choices=Entry.Status.choices
    )
    precision = forms.IntegerField(
        required=False, min_value=0, max_value=MOST_DECIMALS, label="Decimals",
        help_text="Empty: as many as read back to the same number.",
    )  # fmt: skip
    anonymised = forms.BooleanField(
        required=False,
        label="Anonymised: made-up names, the same in every export, and no column that tells whose it is",
    )
    superseded = forms.BooleanField(required=False, label="Long: also scores that a newer evaluation has replaced")
    columns = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, challenge: Challenge, data: QueryDict) -> None:
        """The form for that challenge; without data it is filled in with what is usual.

        Columns that were ticked for one layout, `columns_of`, mean nothing in another.
        """
        self._challenge = challenge
        filled = data.copy()
        for name, usual in (("layout", "wide"), ("format", "csv")):
            filled.setdefault(name, usual)
        self.shown = "long" if filled["layout"] == "long" else "wide"
        if filled.get("columns_of", self.shown) != self.shown:
            filled.setlist("columns", [])
        super().__init__(filled)
        tracks = list(challenge.tracks.prefetch_related("phases"))
        self._choose("tracks", [(track.key, track.title) for track in tracks])
        self._choose("phases", [
            (f"{track.key}/{phase.key}", f"{track.title}: {phase.title}")
            for track in tracks for phase in track.phases.all()
        ])  # fmt: skip
        self._choose("columns", [(word, word) for word in usual_words(self.shown)])

    def _choose(self, name: str, choices: Sequence[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = list(choices)

    @property
    def query(self) -> ExportQuery | None:
        """What is chosen; None where it is no query, and the form says why."""
        if not self.is_valid():
            return None
        chosen: dict[str, Any] = {name: self.cleaned_data[name] for name in self.fields}
        chosen |= {name: tuple(chosen[name]) for name in LISTS}
        try:
            return ExportQuery(challenge=self._challenge.key, **chosen)
        except ExportRefused as error:
            self.add_error(None, str(error))
            return None
