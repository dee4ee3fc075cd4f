# SPDX-License-Identifier: Apache-2.0
"""Trivet: bare x86 servers into one pool of compute, storage and network."""

__version__ = "0.1.0"
