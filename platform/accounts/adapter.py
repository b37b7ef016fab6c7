"""How allauth meets our users."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Users have no user name, so none is made up for them."""

    def populate_username(self, request: object, user: object) -> None:
        """Do nothing: people are known by their e-mail address."""
