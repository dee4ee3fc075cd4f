# SPDX-License-Identifier: Apache-2.0
"""A rack at once: which answer each machine gets, what is started over the network, and who is where."""
