# SPDX-License-Identifier: Apache-2.0
"""Tokens by which people and their programs use the API: made, shown without their secret, revoked."""

import hmac
import secrets
import time

from appliance.errors import ApplianceError, StalePlan, Unknown
from appliance.host.etcd import Store
from appliance.model.person import PEOPLE, Person, Role
from appliance.services.cluster.desk import digest

_HINT = "make one with `trivet api token NAME`"


def create(store: Store, name: str, role: Role, seconds: float) -> str:
    """A token, which nobody can be shown again. ApplianceError when there is one of this name."""
    secret, now = secrets.token_urlsafe(24), time.time()
    person = Person(name=name, role=role, digest=digest(secret), made=now, until=now + seconds)
    try:
        store.put(PEOPLE + name, person.model_dump_json(), 0)
    except StalePlan:
        raise ApplianceError(f"there is a token {name} already", f"revoke it: `trivet api revoke {name}`") from None
    return f"{name}.{secret}"


def everybody(store: Store) -> tuple[Person, ...]:
    """By name; those that have expired, too."""
    return tuple(Person.model_validate_json(entry.text) for entry in store.list(PEOPLE))


def revoke(store: Store, name: str) -> None:
    """Good no more, from the next request on."""
    entry = store.get(PEOPLE + name)
    if entry is None:
        raise ApplianceError(f"there is no token {name}", "`trivet api` shows those that there are")
    store.delete(entry.key, entry.revision)


def who(store: Store, token: str) -> Person:
    """Whose token this is. Unknown where it is nobody's, or no longer; who guesses is not told which."""
    name, _, secret = token.partition(".")
    entry = store.get(PEOPLE + name) if name and secret and "/" not in name else None
    person = Person.model_validate_json(entry.text) if entry else None
    if person is None or not hmac.compare_digest(person.digest, digest(secret)) or person.until < time.time():
        raise Unknown("this token is not good, or no longer", _HINT)
    return person
