"""People and teams, as staff see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import allauth.account.admin  # noqa: F401 (registers what is replaced here)
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import people
from accounts.models import Membership, Team, User
from accounts.staff import ReadOnlyAdmin, action

if TYPE_CHECKING:
    _TabularInline = admin.TabularInline[Any, Any]
    _ModelForm = forms.ModelForm[User]
else:
    _TabularInline = admin.TabularInline
    _ModelForm = forms.ModelForm


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


class NewUserForm(_ModelForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError("There is an account with this address already.")
        return email

    def save(self, commit: bool = True) -> User:
        return people.add_person(email=self.cleaned_data["email"], name=self.cleaned_data["name"])

    def save_m2m(self) -> None:
        """The verb has saved all there is."""


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Only superusers give rights or add people; an address or a password only its owner changes."""

    list_display = ("email", "name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "date_joined")
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
    )
    fieldsets = (
        (None, {"fields": ("id", "email", "name", "is_active", "has_password")}),
        ("Rights", {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Times", {"fields": ("date_joined", "last_login")}),
    )
    inlines = (AddressesOfUser, TeamsOfUser)
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


def _not_above(request: HttpRequest, user: User) -> User:
    """Return the user that an act is about, unless only superusers may act on them."""
    if user.is_staff and not _is_superuser(request):
        raise PermissionDenied("Only superusers may do that to staff")
    return user


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
