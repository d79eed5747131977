"""Predicting customers (lessons 11a and 11b).

- `known_at`: the tables as they were on a day
- `features`: what is known of each customer on a day, and whether he left afterwards
- `leakage`: does a feature know the answer?
- `churn_model`: who will leave, with reasons and expected loss
- `evaluation`: order, calibration, and what a prediction beats
- `offer_scores`: risk and uplift of each member of an experiment
- `profit`: risk into money, by assumption and by experiment
- `rhythm`: silence against the customer's own gaps
- `reactivation`: who came back because of a campaign
- `lookalikes`: prospects like the best customers
- `next_purchase`: how likely, and what
"""

from crmlab.analytical.prediction.churn_model import ChurnModel, at_risk_list
from crmlab.analytical.prediction.evaluation import calibration_table, score_predictions, top_decile_lift
from crmlab.analytical.prediction.features import FEATURE_DEFINITIONS, churn_label, customer_features
from crmlab.analytical.prediction.known_at import known_at
from crmlab.analytical.prediction.leakage import check_no_leak, single_auc
from crmlab.analytical.prediction.lookalikes import (
    customer_profiles,
    exclusion_reasons,
    lookalike_scores,
    nearest_prospects,
    prospect_profiles,
    selection_rates,
)
from crmlab.analytical.prediction.next_purchase import expected_next_purchases, next_product
from crmlab.analytical.prediction.offer_scores import offer_scores
from crmlab.analytical.prediction.profit import break_even_risk, offer_profit, profit_at, profit_by_depth, profit_curve
from crmlab.analytical.prediction.reactivation import Reactivation, measure_reactivation
from crmlab.analytical.prediction.rhythm import own_rhythm, seasonal_pace

__all__ = [
    "FEATURE_DEFINITIONS",
    "ChurnModel",
    "Reactivation",
    "at_risk_list",
    "break_even_risk",
    "calibration_table",
    "check_no_leak",
    "churn_label",
    "customer_features",
    "customer_profiles",
    "exclusion_reasons",
    "expected_next_purchases",
    "known_at",
    "lookalike_scores",
    "measure_reactivation",
    "nearest_prospects",
    "next_product",
    "offer_profit",
    "offer_scores",
    "own_rhythm",
    "profit_at",
    "profit_by_depth",
    "profit_curve",
    "prospect_profiles",
    "score_predictions",
    "seasonal_pace",
    "selection_rates",
    "single_auc",
    "top_decile_lift",
]
