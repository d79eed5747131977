"""Beanstalk Coffee Co., the simulated company: what happens in it, and the hidden truth behind that.

Beanstalk sells beans, machines in three grades, grinders, accessories, service plans and subscriptions to households
and offices, in a web shop, in stores and through resellers. Everything follows from a seed.
"""

from crmlab.company.assumptions import Assumptions, draw_assumptions
from crmlab.company.generate import generate
from crmlab.company.observed import Company, open_company
from crmlab.company.truth import truth

__all__ = ["Assumptions", "Company", "draw_assumptions", "generate", "open_company", "truth"]
