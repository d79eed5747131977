"""What makes CRM Lab a course: exercises that check themselves, their answer keys, and what turns one into the other.

A student needs `Lab` only:

    from crmlab.course import Lab
    lab = Lab("04_rfm")
"""

from crmlab.course.lab import Lab

__all__ = ["Lab"]
