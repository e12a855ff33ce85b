"""What the staff pages are made with: the site behind /admin/, read-only lists of any length, acts that ask first."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from accounts.reauthentication import has_shown_second_factor

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _Paginator = Paginator

Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]
Verb = Callable[..., object]

# As many rows as anybody pages through: a list says no more about those behind, and counts no further.
ROWS_COUNTED_MAX = 10_000
# Each row is an act of its own, with its lock and its event: more than this belongs into a command.
ROWS_PER_ACT_MAX = 1_000


class StaffSite(admin.AdminSite):
    """Staff come in through the same door as everybody, and out of it as well."""

    site_header = "Lockence staff"
    site_title = "Lockence staff"
    index_title = "Everything on this installation"
    site_url = "/dashboard/"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and has_shown_second_factor(request)

    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send whoever may not enter to where they can show that they may."""
        wanted = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
            wanted = reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect(f"{reverse('account_login')}?{urlencode({'next': wanted})}")
        if not super().has_permission(request):
            raise PermissionDenied("These pages are for staff.")
        if not has_shown_second_factor(request):
            return _ask_for_second_factor(request, wanted)
        return redirect(wanted)

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account_logout")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account_change_password")


def _ask_for_second_factor(request: HttpRequest, back: str) -> HttpResponse:
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    urls = [method["url"] for method in methods if method["id"].startswith("mfa_")]
    if urls:
        # The last is the passkey, for those who have one: a recovery code is for who has lost it.
        return redirect(f"{urls[-1]}?{urlencode({'next': back})}")
    words = "The staff pages need a second factor: set one up here, then open them again."
    messages.info(request, words)
    return redirect("mfa_index")


class BoundedPaginator(_Paginator):
    """Counts to a bound and stops: the count of a table of millions would cost more than the page."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:ROWS_COUNTED_MAX].count())


class ReadOnlyAdmin(_ModelAdmin):
    """Shows rows and changes none by itself: what staff may do are actions, and each calls the verb that everybody calls.

    `actions` need the permission to change the model; to look needs the one to view it.
    """

    actions: tuple[Action, ...] = ()
    # What a verb raises to say no; its `message` is for people.
    refusals: tuple[type[Exception], ...] = ()
    ordering = ("-pk",)
    # Only what an index gives in order: the order of creation.
    sortable_by = ()
    paginator = BoundedPaginator
    rows_counted_max = ROWS_COUNTED_MAX
    show_full_result_count = False
    # Facets would count the whole table once for every filter.
    show_facets = admin.ShowFacets.NEVER
    # A team's pages are for its members: staff would be told that there is nothing.
    view_on_site = False
    list_select_related: ClassVar[tuple[str, ...]] = ()
    list_per_page = 50
    list_max_show_all = 0
    change_form_template = "admin/read_only_form.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_act_permission(request)

    def has_act_permission(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # For the page of one row as well as for the list.
        related: tuple[str, ...] = self.list_select_related
        return super().get_queryset(request).select_related(*related or (None,))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        acts = [(name, act[2]) for name, act in self.get_actions(request).items() if act]
        context = {"acts": acts, "checkbox": ACTION_CHECKBOX_NAME, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


def action(
    name: str,
    label: str,
    verb: Verb,
    *,
    warning: str = "",
    form: type[forms.Form] | None = None,
) -> Action:
    """Make an admin action of a verb, called once for each chosen row with the request; `warning` is asked with first.

    What the fields of `form` ask for beside it is given to the verb by their names.
    """

    @admin.action(description=label, permissions=["act"])
    def act(
        model_admin: ReadOnlyAdmin, request: HttpRequest, rows: QuerySet[Any]
    ) -> HttpResponse | None:
        chosen = list(rows[: ROWS_PER_ACT_MAX + 1])
        if len(chosen) > ROWS_PER_ACT_MAX:
            words = f"Choose at most {ROWS_PER_ACT_MAX:,} at once."
            model_admin.message_user(request, words, messages.ERROR)
            return None
        is_confirmed = "confirmed" in request.POST
        asked = form(request.POST if is_confirmed else None) if form else None
        if warning and not (is_confirmed and (asked is None or asked.is_valid())):
            question = {"name": name, "label": label, "warning": warning, "form": asked}
            return _ask(model_admin, request, chosen, question)
        given = asked.cleaned_data if asked else {}
        _act(model_admin, request, chosen, label=label, verb=functools.partial(verb, **given))
        return _back(model_admin, chosen)

    act.__name__ = name
    return act


def _ask(
    model_admin: ReadOnlyAdmin,
    request: HttpRequest,
    rows: list[Model],
    question: dict[str, Any],
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        **question,
        "title": f"{question['label']}?",
        "opts": model_admin.opts,
        "rows": rows,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/confirm_action.html", context)


def _act(
    model_admin: ReadOnlyAdmin, request: HttpRequest, rows: list[Model], *, label: str, verb: Verb
) -> None:
    """Call the verb for each row and tell what became of all of them; a refusal of one keeps no other from it."""
    done = 0
    for row in rows:
        try:
            changed = verb(request, row)
        except model_admin.refusals as refusal:
            words = getattr(refusal, "message", str(refusal))
            model_admin.message_user(request, f"{row}: {words}.", messages.ERROR)
            continue
        except ObjectDoesNotExist:
            model_admin.message_user(
                request, f"{row}: Somebody deleted it meanwhile.", messages.ERROR
            )
            continue
        # A verb answers False when there was nothing left to do.
        if changed is not False:
            model_admin.log_change(request, row, f"{label}.")
            done += 1
    model_admin.message_user(request, f"{label}: done for {done} of {len(rows)}.", messages.SUCCESS)


def _back(model_admin: ReadOnlyAdmin, rows: list[Model]) -> HttpResponseRedirect | None:
    """Return to the page of the one row that was acted on, if it is still there; None stays on the list."""
    if len(rows) != 1 or not model_admin.model._default_manager.filter(pk=rows[0].pk).exists():
        return None
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_change"
    return HttpResponseRedirect(reverse(name, args=[rows[0].pk]))


def uuid_in(text: str) -> uuid.UUID | None:
    """Return the id that was typed into a search, if it is one."""
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None
