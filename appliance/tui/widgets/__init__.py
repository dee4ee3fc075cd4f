# SPDX-License-Identifier: Apache-2.0
"""What screens are made of. Each is readable without colour: focus is reversed, a state is a word or a mark."""
