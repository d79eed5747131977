"""Retention and churn: who stays, who leaves, and how fast (lesson 09).

With a contract a customer says goodbye: count those who leave, and divide by those who could have left. Without one
nobody says anything: look at whether a cohort still buys.
"""

from crmlab.analytical.retention.churn import churn_over_periods, churn_rate
from crmlab.analytical.retention.cohorts import cohort_triangle, retention_curve
from crmlab.analytical.retention.growth import active_spells, base_by_month
from crmlab.analytical.retention.last_events import order_events, silence_after
from crmlab.analytical.retention.shifted_beta_geometric import ShiftedBetaGeometricModel
from crmlab.analytical.retention.survival import log_rank_test, survival_curve

__all__ = [
    "ShiftedBetaGeometricModel",
    "active_spells",
    "base_by_month",
    "churn_over_periods",
    "churn_rate",
    "cohort_triangle",
    "log_rank_test",
    "order_events",
    "retention_curve",
    "silence_after",
    "survival_curve",
]
