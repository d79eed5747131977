"""What makes CRM Lab a course: exercises that check themselves, their answer keys, and what turns one into the other.

A student needs `Lab` only:

    from crmlab.course import Lab
    lab = Lab("04_rfm")
"""

import lazy_loader

# The commands of this package answer at once: pandas is loaded when `Lab` is asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"lab": ["Lab"]})
