"""What one act of generating made: the keys to copy, and the same as files."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import Right
from accounts.reauthentication import recent_authentication_required
from licensing import exports
from licensing.access import batch_for
from licensing.models import License
from licensing.revealing import revealed
from licensing.views.licenses import licenses_crumb
from licensing.views.pages import download, show

# More than this nobody reads on a page; the files hold all of them.
_KEYS_SHOWN = 500


@require_safe
@recent_authentication_required()
def batch(request: HttpRequest, application_id: uuid.UUID, batch_id: uuid.UUID) -> HttpResponse:
    batch = batch_for(request.user, application_id, batch_id, Right.MANAGE_LICENSES)
    shown = list(batch.licenses.select_related("policy").order_by("pk")[:_KEYS_SHOWN])
    keys = [revealed(license) for license in shown]
    return show(
        request,
        "licensing/batch.html",
        batch.application,
        section="licenses",
        trail=(licenses_crumb(batch.application), ("Generated keys", "")),
        batch=batch,
        license=shown[0] if shown else None,
        keys=keys,
        keys_text="\n".join(keys),
    )


@require_safe
@recent_authentication_required()
def batch_download(
    request: HttpRequest, application_id: uuid.UUID, batch_id: uuid.UUID, file_format: str
) -> HttpResponseBase:
    batch = batch_for(request.user, application_id, batch_id, Right.MANAGE_LICENSES)
    licenses = License.objects.filter(batch=batch)
    name = f"license-keys-{batch.created_at:%Y-%m-%d}.{file_format}"
    if file_format == "txt":
        return download(exports.license_keys(licenses), name, "text/plain")
    if file_format == "csv":
        pieces = exports.licenses_csv(licenses, at=timezone.now(), with_keys=True)
        return download(pieces, name, "text/csv")
    raise Http404("No such format")
