# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a wish: a place, a sentence, a remedy."""

from appliance.model.base import Model


class Problem(Model):
    """`where` is a path into the spec ("install.disk"), `message` what is wrong there, `hint` what to do."""

    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}; {self.hint}" if self.hint else text
