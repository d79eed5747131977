"""Customer lifetime value: how often a customer will still buy, for how much, what that is worth today (lesson 10b).

Nobody tells a shop that they have left. The models here look at how often a customer bought (`frequency`), how long
ago the last purchase was when measured from the first (`recency`), and how long the customer has been known (`T`), and
weigh two explanations of a silence against each other: a slow buyer, or one who has gone.

    summary = rfm_summary(orders, observation_end)          a row a customer
    purchases = BetaGeoModel().fit(summary)                 or ModifiedBetaGeoModel, ParetoNBDModel
    spend = GammaGammaModel().fit(summary)
    value = spend.customer_lifetime_value(purchases, summary, months=12, monthly_discount_rate=0.01)
"""

from crmlab.analytical.lifetime_value.acquisition import acquisition_ceilings, new_customer_value
from crmlab.analytical.lifetime_value.beta_geo import BetaGeoModel, ModifiedBetaGeoModel
from crmlab.analytical.lifetime_value.clv import customer_lifetime_value, rate_per_period
from crmlab.analytical.lifetime_value.gamma_gamma import GammaGammaModel
from crmlab.analytical.lifetime_value.holdout import (
    calibration_by_frequency,
    compare_forecasts,
    holdout_length,
    holdout_summary,
)
from crmlab.analytical.lifetime_value.intervals import bootstrap
from crmlab.analytical.lifetime_value.likelihood import BoundaryWarning
from crmlab.analytical.lifetime_value.pareto_nbd import ParetoNBDModel
from crmlab.analytical.lifetime_value.summary import rfm_summary

__all__ = [
    "BetaGeoModel",
    "BoundaryWarning",
    "GammaGammaModel",
    "ModifiedBetaGeoModel",
    "ParetoNBDModel",
    "acquisition_ceilings",
    "bootstrap",
    "calibration_by_frequency",
    "compare_forecasts",
    "customer_lifetime_value",
    "holdout_length",
    "holdout_summary",
    "new_customer_value",
    "rate_per_period",
    "rfm_summary",
]
