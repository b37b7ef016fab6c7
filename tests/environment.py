"""A plugin that pytest loads before Django's settings: what tests write lands in a place of its own."""

import os
import tempfile

# Kept as a module's attribute, so that it is removed when the run ends.
PLACE = tempfile.TemporaryDirectory(prefix="proctor-tests-")
os.environ["PROCTOR_VAR"] = PLACE.name
os.environ.setdefault("PROCTOR_EMAIL_URL", "memorymail://")
