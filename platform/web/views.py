"""The front page, and the help about codes."""

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from web import help_pages
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


@require_safe
def help_index(request: HttpRequest) -> HttpResponse:
    """Every code with its sentence, by stage."""
    return render(request, "web/help/index.html", {"stages": help_pages.by_stage()})


@require_safe
def help_code(request: HttpRequest, code: str) -> HttpResponse:
    """What a code means, whose fault it is, and what to do."""
    page = help_pages.pages().get(code)
    if page is None:
        raise Http404
    return render(request, "web/help/code.html", {"page": page, "body": help_pages.body(page)})
