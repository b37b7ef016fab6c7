"""What apps above this one may listen to."""

from django.dispatch import Signal

# Sent at the end of each sweep: an app finds there what a lost message left undone in its own tables.
swept = Signal()
