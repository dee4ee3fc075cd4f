# SPDX-License-Identifier: Apache-2.0
"""The console of an installed node: its status for everybody, its menu for who logs in."""
