"""What a developer may forget of trials; `binding_statements.py` uses them up."""

from django.db import transaction

from licensing.events import Actor, record
from licensing.models import License, TrialUse


@transaction.atomic
def reset_trial(*, license: License, actor: Actor) -> bool:
    """Forget that devices had their trial with this license, so that they may try once more with another one.

    The license itself stays as it is. Returns False when there was nothing to forget.
    """
    used = TrialUse.objects.filter(application=license.application_id, license_id=license.pk)
    if not used.delete()[0]:
        return False
    record(
        "license.trial_reset",
        target=license,
        actor=actor,
        application=license.application,
        license=license,
    )
    return True
