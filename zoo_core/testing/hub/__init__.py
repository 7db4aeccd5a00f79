"""A Hub server of one's own: repositories on disk, spoken to by the unmodified ``huggingface_hub`` client.

>>> with HubServer(folder) as hub:                                            # doctest: +SKIP
...     HfApi(endpoint=hub.endpoint).create_repo("org/name")

``zoo hub serve DIR`` runs the same server from a terminal.
"""

from __future__ import annotations

from zoo_core.testing.hub.faults import ArmedFault, Fault
from zoo_core.testing.hub.server import HubServer, RequestRecord

__all__ = ["ArmedFault", "Fault", "HubServer", "RequestRecord"]
