# SPDX-License-Identifier: Apache-2.0
"""The effects of an installation: the handler of each kind of step."""

from appliance.engine.apply import Handler
from appliance.installer import boot, burnin, rejoin, slots, tables

HANDLERS: dict[type, Handler] = tables.HANDLERS | burnin.HANDLERS | slots.HANDLERS | boot.HANDLERS | rejoin.HANDLERS
