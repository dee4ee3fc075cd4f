# SPDX-License-Identifier: Apache-2.0
"""What all steps have in common. The steps themselves are in `plan.py` and `poolsteps.py`."""

import hashlib

from appliance.model.base import Model


class BaseStep(Model):
    """A step is a value: it says why, and what it destroys. It never holds a secret."""

    why: str
    destroys: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """12 hexadecimal digits, the same for the same step in every process."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]
