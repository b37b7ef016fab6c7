"""The year-over-year page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboards.years import years
from leaderboards.years_chart import sections


@require_safe
def year_over_year(request: HttpRequest) -> HttpResponse:
    """The suites that editions share, with each edition's best, median and baseline."""
    return render(request, "leaderboards/years.html", {"sections": sections(years(request.user))})
