"""Who has how much of what: every entitlement of an application with what a policy or a license says of it, as pages show it."""

import dataclasses
import datetime as dt

from licensing.models import Entitlement, License, LicenseEntitlement, Policy, PolicyEntitlement

Word = PolicyEntitlement | LicenseEntitlement


@dataclasses.dataclass(frozen=True, slots=True)
class Grant:
    """One entitlement: what the policy says, what the license says itself, and how much is used in the period that runs."""

    entitlement: Entitlement
    policy_word: PolicyEntitlement | None
    own_word: LicenseEntitlement | None = None
    used: int = 0

    def word_at(self, moment: dt.datetime) -> Word | None:
        """Return the word that counts at a moment, as the database's licensing_granted finds it; None: not entitled."""
        words: tuple[Word | None, ...] = (self.own_word, self.policy_word)
        return next((word for word in words if word and not word.has_expired(moment)), None)


@dataclasses.dataclass(frozen=True, slots=True)
class CountedGrant:
    """A grant with the word that counts now."""

    grant: Grant
    word: Word | None


def grants_of_policy(policy: Policy) -> list[Grant]:
    """Return one grant for each entitlement of the application, in two statements."""
    said = {word.entitlement_id: word for word in policy.entitlements.select_related("entitlement")}
    return [
        Grant(entitlement, said.get(entitlement.pk))
        for entitlement in Entitlement.objects.filter(application=policy.application_id)
    ]


def grants_of_license(license: License, at: dt.datetime) -> list[CountedGrant]:
    """Return one grant for each entitlement of the application, in four statements."""
    own = {word.entitlement_id: word for word in license.entitlements.select_related("entitlement")}
    used = dict(license.usage.running(at).values_list("entitlement_id", "used"))
    grants = [
        dataclasses.replace(
            grant,
            own_word=own.get(grant.entitlement.pk),
            used=used.get(grant.entitlement.pk, 0),
        )
        for grant in grants_of_policy(license.policy)
    ]
    # A license that has fallen back goes on without any of them.
    has_none = license.warning(at) == "license_fallen_back"
    return [CountedGrant(grant, None if has_none else grant.word_at(at)) for grant in grants]
