"""What all tables of the product share on the staff pages: their searches, links and acts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode

from accounts.models import Event
from accounts.staff import ReadOnlyAdmin, uuid_in
from licensing.errors import RefusalError
from licensing.models import Application, License
from licensing.search import matching


class ProductAdmin(ReadOnlyAdmin):
    """A table below the applications; `?application=<id>` narrows its list to one."""

    refusals = (RefusalError,)
    list_select_related: ClassVar[tuple[str, ...]] = ("application",)
    search_fields = ("pk",)
    search_help_text = "The id of a row, of its license or of its application; the last five of a license key, or a whole one."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(self.found_by(term)) if term else queryset), False

    def found_by(self, term: str) -> Q:
        """The rows that a search finds, by indexes only: the tables are long."""
        if id := uuid_in(term):
            return Q(pk=id) | Q(application=id) | self.of_licenses(Q(pk=id))
        return self.of_licenses(matching(term))

    def of_licenses(self, wanted: Q) -> Q:
        return Q(license__in=licenses_matching(wanted))


def licenses_matching(wanted: Q) -> QuerySet[License]:
    # What the indexes on licenses begin with is the application: naming all of them lets PostgreSQL go through an index once
    # for each application, and not through every license.
    return License.objects.filter(wanted, application__in=Application.objects.values("pk"))


def links_to(models: Iterable[type[Model]], **filters: uuid.UUID) -> str:
    """Links to the lists of other tables, narrowed to the rows that belong to one."""
    query = urlencode({f"{name}__id__exact": str(id) for name, id in filters.items()})
    [id] = filters.values()
    links = [
        (f"{reverse(f'admin:licensing_{model._meta.model_name}_changelist')}?{query}", model)
        for model in models
    ]
    links.append(
        (f"{reverse('admin:accounts_event_changelist')}?{urlencode({'q': str(id)})}", Event)
    )
    rows = ((url, model._meta.verbose_name_plural) for url, model in links)
    return format_html_join(", ", '<a href="{}">{}</a>', rows)
