"""Sign-up, teams and invitations."""

from typing import Any

from allauth.account.forms import SignupForm as BaseSignupForm
from django import forms

from accounts.models import User
from accounts.services import TeamError, plain


class SignupForm(BaseSignupForm):  # type: ignore[misc]
    """Sign-up with the name that stands beside submissions."""

    name = forms.CharField(max_length=120, label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    field_order = ["name", "email", "password1", "password2"]

    def clean_name(self) -> str:
        """A name that everybody can see and read."""
        try:
            return plain(self.cleaned_data["name"])
        except TeamError as error:
            raise forms.ValidationError(str(error)) from error

    def save(self, request: Any) -> User:
        """Create the user with the name."""
        user: User = super().save(request)
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
        return user


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(
        max_length=80, label="Team name", help_text="It stands on leaderboards, and can't be changed."
    )


class InvitationForm(forms.Form):
    """An invitation by e-mail."""

    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
