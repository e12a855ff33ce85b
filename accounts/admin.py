"""People and teams, as staff see them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import allauth.account.admin
import allauth.mfa.admin  # noqa: F401 (both register what is replaced here)
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from procrastinate.contrib.django.models import (
    ProcrastinateEvent,
    ProcrastinateJob,
    ProcrastinatePeriodicDefer,
    ProcrastinateWorker,
)

from accounts import browsers, errors, people
from accounts.models import Browser, Event, Membership, Team, User
from accounts.staff import ReadOnlyAdmin, action, uuid_in

if TYPE_CHECKING:
    _TabularInline = admin.TabularInline[Any, Any]
    _ModelForm = forms.ModelForm[User]
else:
    _TabularInline = admin.TabularInline
    _ModelForm = forms.ModelForm


# /metrics and the log tell how jobs go; their own pages need inline styles.
for _model in (
    ProcrastinateEvent,
    ProcrastinateJob,
    ProcrastinatePeriodicDefer,
    ProcrastinateWorker,
):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class ReadOnlyInline(_TabularInline):
    """Rows of another table below one row, to look at."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TeamsOfUser(ReadOnlyInline):
    model = Membership
    fields = readonly_fields = ("team", "role", "created_at")
    verbose_name_plural = "teams"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("team", "user")


class MembersOfTeam(TeamsOfUser):
    fields = readonly_fields = ("user", "role", "created_at")
    verbose_name_plural = "members"


class AddressesOfUser(ReadOnlyInline):
    model = EmailAddress
    fields = readonly_fields = ("email", "verified", "primary")
    verbose_name_plural = "e-mail addresses"


class SecondFactorsOfUser(ReadOnlyInline):
    model = Authenticator
    fields = readonly_fields = ("type", "created_at", "last_used_at")
    verbose_name_plural = "second factors"


class NewUserForm(_ModelForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> dict[str, Any]:
        """Add the person already: nothing but the act itself knows whether the address is still free."""
        if not self.errors:
            try:
                self.instance = people.add_person(**self.cleaned_data)
            except errors.AddressTakenError as refusal:
                self.add_error("email", f"{refusal.message}.")
        return self.cleaned_data

    def save(self, commit: bool = True) -> User:
        return self.instance

    def save_m2m(self) -> None:
        """The verb has saved all there is."""


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Only superusers give rights or add people; an address or a password only its owner changes."""

    list_display = (
        "email",
        "name",
        "is_active",
        "is_staff",
        "date_joined",
        "last_login",
        "deletion_due_at",
    )
    list_filter = ("is_active", "is_staff", "is_superuser", "date_joined", "deletion_due_at")
    search_fields = ("email", "name")
    search_help_text = "A part of the e-mail address or the name."
    filter_horizontal = ("groups", "user_permissions")
    readonly_fields = (
        "id",
        "email",
        "is_active",
        "has_password",
        "date_joined",
        "last_login",
        "deletion_due_at",
    )
    fieldsets = (
        (None, {"fields": ("id", "email", "name", "is_active", "has_password")}),
        ("Rights", {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Times", {"fields": ("date_joined", "last_login", "deletion_due_at")}),
    )
    inlines = (AddressesOfUser, TeamsOfUser, SecondFactorsOfUser)
    actions = (
        action(
            "deactivate",
            "Deactivate",
            lambda request, user: people.deactivate_user(user=_not_above(request, user)),
            warning="They are signed out everywhere and cannot sign in until they are reactivated. Their teams and "
            "applications go on.",
        ),
        action(
            "reactivate",
            "Reactivate",
            lambda request, user: people.reactivate_user(user=_not_above(request, user)),
        ),
        action(
            "sign_out",
            "Sign out everywhere",
            lambda request, user: browsers.sign_out_everywhere(user=_not_above(request, user)) > 0,
            warning="All their browsers are signed out. They may sign in again.",
        ),
        action(
            "remove_second_factor",
            "Remove second factor",
            lambda request, user: people.remove_second_factor(user=_not_above(request, user)),
            warning="From now on their password alone signs them in, until they set up a new second factor. Be sure that it is "
            "they who ask. They are told by mail, and signed out.",
        ),
    )
    refusals = (PermissionDenied,)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[User]]:
        if not change:
            kwargs |= {"form": NewUserForm, "fields": ("email", "name")}
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("email", "name")}),)
        return self.fieldsets if _is_superuser(request) else self.fieldsets[::2]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user_permissions":
            # A permission names its model's app: one statement for all, not one for each.
            related = db_field.remote_field.model.objects.select_related("content_type")
            kwargs["queryset"] = related
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(boolean=True)
    def has_password(self, user: User) -> bool:
        return user.has_usable_password()


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    list_display = ("name", "id", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "memberships__user__email")
    search_help_text = "A part of the name, or of a member's e-mail address."
    fields = ("id", "name", "created_at")
    inlines = (MembersOfTeam,)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "team", "role", "created_at")
    list_filter = ("role", "created_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("user", "team")
    search_fields = ("user__email", "team__name")
    search_help_text = "A part of the e-mail address or of the team's name."
    fields = ("id", "user", "team", "role", "created_at")


admin.site.unregister(EmailAddress)


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    list_display = ("email", "user", "primary", "verified")
    list_filter = ("primary", "verified")
    list_select_related: ClassVar[tuple[str, ...]] = ("user",)
    search_fields = ("email",)
    search_help_text = "A part of the address."
    fields = ("email", "user", "primary", "verified")


admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class SecondFactorAdmin(ReadOnlyAdmin):
    """Of what makes a second factor, its data, staff see nothing."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type", "created_at", "last_used_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("user",)
    search_fields = ("user__email",)
    search_help_text = "A part of the e-mail address."
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(Browser)
class BrowserAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "user", "ip_address", "first_seen_at", "signed_in_at")
    list_filter = ("first_seen_at", "signed_in_at")
    list_select_related: ClassVar[tuple[str, ...]] = ("user",)
    search_fields = ("user__email",)
    search_help_text = "A part of the e-mail address."
    fields = ("id", "user", "user_agent", "ip_address", "first_seen_at", "signed_in_at")
    actions = (
        action(
            "sign_out",
            "Sign out",
            lambda request, browser: browsers.sign_out(browser=_of_nobody_above(request, browser)),
            warning="These browsers are signed out. Their owners may sign in again.",
        ),
    )
    refusals = (PermissionDenied,)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("action", "target", "actor_kind", "actor_email", "ip_address", "created_at")
    list_filter = ("actor_kind", "created_at")
    search_help_text = "An id of the event, its team, its application or its license; or the whole address of who acted."
    search_fields = ("pk",)
    fields = (
        "id",
        "action",
        "team_id",
        "application_id",
        "license_id",
        "target_type",
        "target_id",
        "target_label",
        "actor_kind",
        "actor_email",
        "ip_address",
        "what_was",
        "what_is",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Event.objects.with_persons()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if id := uuid_in(term):
            places = Q(team_id=id) | Q(application_id=id) | Q(license_id=id) | Q(actor=id)
            return queryset.filter(Q(pk=id) | places), False
        if term:
            people = User.objects.filter(email=term.lower())
            return queryset.filter(actor__in=people.values("pk")), False
        return queryset, False

    @admin.display
    def target(self, event: Event) -> str:
        return event.target_label or f"{event.target_type} {event.target_id}"

    @admin.display(description="before")
    def what_was(self, event: Event) -> str:
        return _json(event.full_before)

    @admin.display(description="after")
    def what_is(self, event: Event) -> str:
        return _json(event.full_after)


admin.site.unregister(Group)


@admin.register(Group)
class SuperusersGroupAdmin(GroupAdmin):
    """A group gives permissions, so that whoever may change one could give themselves any."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)


def _json(facts: dict[str, Any]) -> str:
    return format_html("<pre>{}</pre>", json.dumps(facts, indent=2, ensure_ascii=False))


def _of_nobody_above(request: HttpRequest, browser: Browser) -> Browser:
    _not_above(request, browser.user)
    return browser


def _not_above(request: HttpRequest, user: User) -> User:
    """Return the user that an act is about, unless only superusers may act on them."""
    if user.is_staff and not _is_superuser(request):
        raise PermissionDenied("Only superusers may do that to staff")
    return user


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
