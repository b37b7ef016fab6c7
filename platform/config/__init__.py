"""Settings, URLs, the Celery application and the one way to queue work."""
