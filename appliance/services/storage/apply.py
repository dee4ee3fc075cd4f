# SPDX-License-Identifier: Apache-2.0
"""The effects on the pool, each kind of step with its handler."""

from appliance.engine.apply import Handler
from appliance.services.storage import monitor, osd, tune

HANDLERS: dict[type, Handler] = monitor.HANDLERS | osd.HANDLERS | tune.HANDLERS
