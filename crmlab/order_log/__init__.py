"""Order logs of real shops, read strictly: see ``read_orders``."""

from crmlab.order_log.reading import read_orders

__all__ = ["read_orders"]
