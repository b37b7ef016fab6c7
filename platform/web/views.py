"""The front page."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from web.selectors import front_page


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The challenges this visitor may see, the one that closes next first."""
    return render(request, "web/home.html", {"cards": front_page(request.user)})


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer "ok" where the web process runs and its database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
