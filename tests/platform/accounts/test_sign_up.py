"""Signing up, confirming an address, logging in: the whole way, as a browser goes it."""

import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User

PASSWORD = "a long enough passphrase 7"


def sign_up(browser: Client, email: str = "ada@example.org", name: str = "Ada Heron") -> str:
    """Fill in the form; returns the page that follows."""
    form = {"name": name, "email": email, "password1": PASSWORD, "password2": PASSWORD}
    return browser.post(reverse("account_signup"), form, follow=True).content.decode()


@pytest.mark.django_db
def test_a_person_signs_up_with_a_name_and_gets_in_after_confirming() -> None:
    browser = Client()
    sign_up(browser)
    user = User.objects.get()
    assert (user.email, user.name, user.is_staff, user.is_superuser) == ("ada@example.org", "Ada Heron", False, False)
    login = {"login": user.email, "password": PASSWORD}
    assert browser.post(reverse("account_login"), login)["Location"] == reverse("account_email_verification_sent")
    assert browser.get(reverse("teams")).status_code == 302
    found = re.search(r"http://testserver(/accounts/confirm-email/\S+)", str(mail.outbox[0].body))
    assert found is not None
    assert "Is ada@example.org yours?" in browser.get(found[1]).content.decode()
    browser.post(found[1])
    browser.post(reverse("account_login"), login)
    assert browser.get(reverse("teams")).status_code == 200


@pytest.mark.django_db
def test_looking_at_the_link_confirms_nothing() -> None:
    browser = Client()
    sign_up(browser)
    found = re.search(r"http://testserver(/accounts/confirm-email/\S+)", str(mail.outbox[0].body))
    assert found is not None
    browser.get(found[1])
    browser.post(reverse("account_login"), {"login": "ada@example.org", "password": PASSWORD})
    assert browser.get(reverse("teams")).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "Ada\u202e", "\u200b"])
def test_a_name_that_cannot_be_read_is_refused(name: str) -> None:
    sign_up(Client(), name=name)
    assert not User.objects.exists()


def test_signing_up_with_a_known_address_tells_nobody_that_it_is_known(make_user: Callable[..., User]) -> None:
    known, new = make_user("known@example.org"), "new@example.org"
    pages = [
        sign_up(Client(), email=email).replace(email, "…").partition('id="content"')[2] for email in (known.email, new)
    ]
    assert pages[0] == pages[1]
    assert User.objects.filter(email=known.email).get().name == known.name


PAGES = ["account_login", "account_signup", "account_reset_password", "account_reset_password_done",
         "account_email_verification_sent", "account_inactive"]  # fmt: skip
OWN_PAGES = ["account_logout", "account_email", "account_change_password", "account_reauthenticate"]


# What the library would say: in other words, and With Capitals.
THEIRS = re.compile(
    r"verif(y|ication)|e-?mail addresses|sign(ed)? (in|out)|contact us|token|reset|successfully|you are receiving",
    re.IGNORECASE,
)


def _words(page: str) -> str:
    """What a reader sees of the page's own part."""
    shown = re.sub(r"<[^>]*>", " ", page.partition('id="content"')[2].partition("<footer")[0])
    return " ".join(shown.split())


def _looks_like_the_rest(page: str) -> None:
    assert not THEIRS.search(_words(page)), _words(page)
    assert '<main id="content" class="page">' in page
    assert page.count("<h1") == 1
    assert "style=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_pages_of_accounts_look_like_the_rest(name: str) -> None:
    response = Client().get(reverse(name))
    assert response.status_code == 200
    _looks_like_the_rest(response.content.decode())


@pytest.mark.parametrize("name", OWN_PAGES)
def test_a_persons_own_pages_look_like_the_rest(
    make_user: Callable[..., User], client_of: Callable[[User | None], Client], name: str
) -> None:
    browser = client_of(make_user())
    response = browser.get(reverse(name))
    assert response.status_code == 200
    _looks_like_the_rest(response.content.decode())


@pytest.mark.django_db
def test_a_link_to_choose_a_new_password_looks_like_the_rest_when_it_is_worn_out() -> None:
    page = Client().get(reverse("account_reset_password_from_key", args=["0", "set-password"])).content.decode()
    _looks_like_the_rest(page)


MAIL_CHANGES = [
    ("account_signup", {"name": "Ada", "password1": PASSWORD, "password2": PASSWORD}, "known@example.org",
     "You have an account already"),
    ("account_signup", {"name": "Ada", "password1": PASSWORD, "password2": PASSWORD}, "new@example.org",
     "Confirm your address"),
    ("account_reset_password", {}, "known@example.org", "Choose a new password"),
    ("account_reset_password", {}, "new@example.org", "There is no account with this address"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "form", "email", "subject"), MAIL_CHANGES)
def test_mails_are_in_our_words_and_lead_to_the_site(
    make_user: Callable[..., User], name: str, form: dict[str, str], email: str, subject: str
) -> None:
    make_user("known@example.org")
    Client().post(reverse(name), {**form, "email": email})
    (message,) = mail.outbox
    assert str(message.subject).endswith(subject)
    assert not THEIRS.search(re.sub(r"http://\S+", "", str(message.body))), message.body
    assert "http://testserver/accounts/" in str(message.body)
    assert "&" not in str(message.body)


def test_a_password_is_changed_through_the_link_in_the_mail(make_user: Callable[..., User]) -> None:
    user, browser = make_user(), Client()
    browser.post(reverse("account_reset_password"), {"email": user.email})
    found = re.search(r"http://testserver(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert found is not None
    page = browser.get(found[1], follow=True)
    _looks_like_the_rest(page.content.decode())
    new = "another long enough passphrase 8"
    done = browser.post(page.request["PATH_INFO"], {"password1": new, "password2": new}, follow=True)
    _looks_like_the_rest(done.content.decode())
    assert browser.login(email=user.email, password=new)


def test_a_message_after_logging_in_and_out_is_in_our_words(make_user: Callable[..., User]) -> None:
    user, browser = make_user(), Client()
    login = {"login": user.email, "password": "correct horse battery staple"}
    page = browser.post(reverse("account_login"), login, follow=True).content.decode()
    assert f"You are logged in as {user.name}." in page
    page = browser.post(reverse("account_logout"), follow=True).content.decode()
    assert "You are logged out." in page
