# SPDX-License-Identifier: Apache-2.0
"""Devices of a server that VMs may have: what is there, and how a document says which. Pure.

The short forms are an address, and a vendor with a product. A selector gives facts that must all hold; texts are globs.
"""

import re
from fnmatch import fnmatchcase
from typing import Any, Self

from pydantic import field_validator, model_serializer, model_validator

from appliance.model.base import Model

_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")
_USB = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})")
_ID = re.compile(r"[0-9a-f]{4}")


class PciDevice(Model):
    """As it is found. `group` are the others that the IOMMU cannot tell from it."""

    address: str
    vendor: str = ""
    device: str = ""
    model: str = ""
    driver: str = ""
    numa_node: int = -1
    iommu: bool = False
    group: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.address} ({', '.join(word for word in (self.model, self.driver) if word) or 'nameless'})"


class UsbDevice(Model):
    """As it is found. `port` is the place that it is plugged into; `number`, on its `bus`, is another one each time."""

    port: str
    bus: int
    number: int
    vendor: str = ""
    product: str = ""
    model: str = ""
    serial: str = ""

    @property
    def label(self) -> str:
        words = (self.model, f"serial {self.serial}" if self.serial else "", f"port {self.port}")
        return f"{self.vendor}:{self.product} ({', '.join(word for word in words if word)})"


class _Wish(Model):
    @property
    def facts(self) -> dict[str, str | int]:
        """What the document says of it."""
        told = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: fact for name, fact in told if fact is not None}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.facts:
            raise ValueError("give facts that the device is told by")
        return self

    def __str__(self) -> str:
        return ", ".join(f"{name} {fact}" for name, fact in self.facts.items())

    def mismatches(self, device: PciDevice | UsbDevice) -> list[str]:
        """Why a device is not meant, a phrase for each fact; empty when it is."""
        found = []
        for name, wanted in self.facts.items():
            has = getattr(device, name)
            same = fnmatchcase(has.lower(), wanted.lower()) if isinstance(wanted, str) else has == wanted
            if not same:
                found.append(f"{name} is {has if has != '' else 'unknown'}")
        return found


def _four(value: str | None) -> str | None:
    if value is not None and not _ID.fullmatch(value.lower()):
        raise ValueError(f"{value!r} is not four hexadecimal digits")
    return value.lower() if value else value


class PciWish(_Wish):
    """One PCI device of the server: `0000:3b:00.0`, or facts of it."""

    address: str | None = None
    vendor: str | None = None
    device: str | None = None
    model: str | None = None
    driver: str | None = None
    numa_node: int | None = None

    _digits = field_validator("vendor", "device")(_four)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        address = value.get("address") if isinstance(value, dict) else value
        if isinstance(address, str):
            if not _PCI.fullmatch(address.lower()):
                raise ValueError(f"{address!r} is not a PCI address such as 0000:3b:00.0")
            return {**(value if isinstance(value, dict) else {}), "address": address.lower()}
        return value

    @model_serializer
    def _as_typed(self) -> Any:
        return str(self) if set(self.facts) == {"address"} else self.facts

    def __str__(self) -> str:
        return str(self.address) if set(self.facts) == {"address"} else super().__str__()


class UsbWish(_Wish):
    """One USB device of the server: `0529:0001`, or facts of it. It may come and go, and be away when the VM starts."""

    vendor: str | None = None
    product: str | None = None
    model: str | None = None
    serial: str | None = None
    port: str | None = None

    _digits = field_validator("vendor", "product")(_four)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            found = _USB.fullmatch(value.lower())
            if not found:
                raise ValueError(f"{value!r} is not a USB device's vendor and product, such as 0bda:8153")
            return {"vendor": found[1], "product": found[2]}
        return value

    @model_serializer
    def _as_typed(self) -> Any:
        return str(self) if set(self.facts) == {"vendor", "product"} else self.facts

    def __str__(self) -> str:
        return f"{self.vendor}:{self.product}" if set(self.facts) == {"vendor", "product"} else super().__str__()
