# SPDX-License-Identifier: Apache-2.0
"""What is said of the board's own computer: what it is told, and why not. Pure."""

from appliance.tui.phrases import N_, Phrase, same

PHRASES: tuple[Phrase, ...] = (
    # What it is told.
    same(N_("put the BMC into VLAN {number}")),
    same(N_("take the BMC out of its VLAN")),
    same(N_("have DHCP give the BMC its address")),
    same(N_("give the BMC the address {address}")),
    same(N_("give the BMC the gateway {address}")),
    same(N_("call user {number} of the BMC {name}")),
    same(N_("set the password of user {number} of the BMC")),
    same(N_("let user {number} of the BMC in as {role}")),
    # Why not.
    same(N_("is not an IPv4 address with its prefix length")),
    Phrase("write it like {address}, or dhcp", N_("write it like {address}")),
    same(N_("write it like {address}")),
    same(N_("who gives the BMC its address gives its gateway, too")),
    same(N_("leave it out")),
    same(N_("the gateway {address} is not in the BMC's network")),
    same(N_("correct it, or the address and its prefix length")),
    same(N_("the BMC has no place {number} for a user")),
    same(N_("it has {number}")),
    same(N_("letters, digits and . _ - alone, at most 16, are a BMC user's name")),
    same(N_("choose another one")),
    same(N_("user {number} has this name")),
    same(N_("a new user of the BMC needs a password")),
    same(N_("type one, twice")),
    same(N_("a BMC's password has {number} to {count} letters, digits and signs of ASCII")),
    # What it says.
    same(N_("the BMC has no network port of its own")),
    same(N_("its address cannot be set by IPMI")),
    same(N_("this server has no BMC")),
    same(N_("there is nothing to be set")),
    same(N_("the BMC does not take the password")),
    same(N_("choose another one; some want a capital letter and a digit")),
    same(N_("the BMC was told, and does not say so: {step}"), "step"),
    Phrase("see what it says: `ipmitool lan print`", N_("see what it says, under BMC")),
)
