"""CRM Lab: learn customer relationship management by operating the systems of a simulated company."""

import lazy_loader

# Loaded when first asked for: the command line answers at once, and a sandboxed run loads no more than it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"company": ["open_company"], "order_log": ["read_orders"]}
)
