"""Sign-up, teams, invitations."""

from allauth.account.forms import SignupForm as BaseSignupForm


class SignupForm(BaseSignupForm):  # type: ignore[misc]
    """Sign-up with a name."""
