"""The app's entry in Django's registry."""

from django.apps import AppConfig


class FindingsConfig(AppConfig):
    """See the services for what this app makes."""

    name = "findings"
