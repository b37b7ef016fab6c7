"""Names and users of containers and volumes: random and neutral, since a container can read some of them."""

import secrets


def new_name() -> str:
    """Return a fresh name that tells nothing."""
    return f"sb-{secrets.token_hex(10)}"


def new_user() -> int:
    """Return a user id of the attempt's own: above a distribution's accounts, below nobody's 65534."""
    return 20_000 + secrets.randbelow(40_000)
