# SPDX-License-Identifier: Apache-2.0
"""A line of what was measured."""

Row = tuple[str, float, str, str, float]
"""What, its figure, its unit, the reference, the reference's figure; "" and 0 where there is nothing to compare with."""
